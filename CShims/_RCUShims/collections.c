// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

// These come before _RCUShims.h, which defines _LGPL_SOURCE: without it, the headers declare
// liburcu's functions instead of defining bodies that are too long to inline under the licence's
// terms.
#include <urcu/lfstack.h>
#include <urcu/wfcqueue.h>

#include "_RCUShims.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <urcu/flavor.h>

// flavor.h declares only the object of the flavor that it maps.
extern const struct rcu_flavor_struct urcu_bp_flavor;
extern const struct rcu_flavor_struct urcu_memb_flavor;
extern const struct rcu_flavor_struct urcu_mb_flavor;
extern const struct rcu_flavor_struct urcu_qsbr_flavor;

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

// MARK: - Hash tables

static void synchronize_bp(void) { rcushims_synchronize(RCUSHIMS_BP); }

/// liburcu's bp, except that its grace periods also wait for late readers, which liburcu has
/// forgotten because their threads are ending.
static struct rcu_flavor_struct bp_tables;
static pthread_once_t bp_tables_once = PTHREAD_ONCE_INIT;

static void make_bp_tables(void) {
  bp_tables = urcu_bp_flavor;
  bp_tables.update_synchronize_rcu = synchronize_bp;
}

const struct rcu_flavor_struct *rcushims_table_flavor(const char *name) {
  if (strcmp(name, "bp") == 0) {
    pthread_once(&bp_tables_once, make_bp_tables);
    return &bp_tables;
  }
  if (strcmp(name, "memb") == 0) return &urcu_memb_flavor;
  if (strcmp(name, "mb") == 0) return &urcu_mb_flavor;
  if (strcmp(name, "qsbr") == 0) return &urcu_qsbr_flavor;
  return NULL;
}

struct cds_lfht *rcushims_table_new(const struct rcu_flavor_struct *flavor,
                                    unsigned long bucket_count) {
  // Neither CDS_LFHT_AUTO_RESIZE nor CDS_LFHT_ACCOUNTING: liburcu's resizing thread doesn't block
  // SIGUSR1, goes on running while the process exits, and needs fork handlers of its own. Our
  // reclaimer resizes instead. The buckets are arrays by order of magnitude, which reserve no
  // address space.
  return _cds_lfht_new(bucket_count, bucket_count, 0, 0, &cds_lfht_mm_order, flavor, NULL);
}

void rcushims_table_resize(struct cds_lfht *table, const struct rcu_flavor_struct *flavor,
                           unsigned long bucket_count) {
  // The threads that cds_lfht starts inherit this mask.
  sigset_t before;
  sysshims_block_signals(&before);
  // With qsbr, an offline thread's accesses would be unprotected. With the other flavors
  // `read_ongoing` is 0 here, and these two calls do nothing.
  bool was_online = flavor->read_ongoing() != 0;
  if (!was_online) flavor->thread_online();
  cds_lfht_resize(table, bucket_count);
  if (!was_online) flavor->thread_offline();
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void rcushims_table_destroy(struct cds_lfht *table) {
  int error = cds_lfht_destroy(table, NULL);
  // Not empty: a bug in this library; going on would corrupt memory. Busy: only in a child that was
  // forked while another thread was resizing the table; the mutex was freed with the rest.
  if (error != 0 && error != -EBUSY) abort();
}

int rcushims_table_match_any(struct cds_lfht_node *node, const void *key) {
  (void)node;
  (void)key;
  return 1;
}

static int match_closure(struct cds_lfht_node *node, const void *key) {
  const struct rcushims_matcher *matcher = key;
  rcushims_annotate_obtain(node);
  return matcher->matches(matcher->context, node);
}

struct cds_lfht_node *rcushims_table_add_unique(struct cds_lfht *table, unsigned long hash,
                                                const struct rcushims_matcher *matcher,
                                                struct cds_lfht_node *node) {
  rcushims_annotate_publish(node);
  return cds_lfht_add_unique(table, hash, match_closure, matcher, node);
}

struct cds_lfht_node *rcushims_table_add_replace(struct cds_lfht *table, unsigned long hash,
                                                 const struct rcushims_matcher *matcher,
                                                 struct cds_lfht_node *node) {
  rcushims_annotate_publish(node);
  struct cds_lfht_node *old = cds_lfht_add_replace(table, hash, match_closure, matcher, node);
  rcushims_annotate_obtain(old);
  return old;
}

// MARK: - Stacks

_Static_assert(sizeof(struct rcushims_stack_node) == sizeof(struct cds_lfs_node), "stack node");
_Static_assert(sizeof(struct rcushims_stack) == sizeof(struct __cds_lfs_stack), "stack");

static cds_lfs_stack_ptr_t lfs(struct rcushims_stack *stack) {
  return (cds_lfs_stack_ptr_t){._s = (struct __cds_lfs_stack *)stack};
}

void rcushims_stack_push(struct rcushims_stack *stack, struct rcushims_stack_node *node) {
  rcushims_annotate_publish(node);
  cds_lfs_push(lfs(stack), (struct cds_lfs_node *)node);
}

struct rcushims_stack_node *rcushims_stack_pop(struct rcushims_stack *stack) {
  struct rcushims_stack_node *node = (void *)__cds_lfs_pop(lfs(stack));
  rcushims_annotate_obtain(node);
  return node;
}

struct rcushims_stack_node *rcushims_stack_pop_all(struct rcushims_stack *stack) {
  struct rcushims_stack_node *first = (void *)__cds_lfs_pop_all(lfs(stack));
  for (struct rcushims_stack_node *node = first; SYSSHIMS_TSAN && node != NULL; node = node->next)
    rcushims_annotate_obtain(node);
  return first;
}

// MARK: - Queues

_Static_assert(sizeof(struct rcushims_queue_node) == sizeof(struct cds_wfcq_node), "queue node");

// Producers write the tail and consumers the head, so each has a cache line of its own.
struct rcushims_queue {
  struct cds_wfcq_head head __attribute__((aligned(64)));
  struct cds_wfcq_tail tail __attribute__((aligned(64)));
};

struct rcushims_queue *rcushims_queue_new(void) {
  struct rcushims_queue *queue = aligned_alloc(64, sizeof *queue);
  if (queue != NULL) cds_wfcq_init(&queue->head, &queue->tail);
  return queue;
}

void rcushims_queue_destroy(struct rcushims_queue *queue) {
  cds_wfcq_destroy(&queue->head, &queue->tail);
  free(queue);
}

static cds_wfcq_head_ptr_t wfcq(struct rcushims_queue *queue) {
  return (cds_wfcq_head_ptr_t){.h = &queue->head};
}

void rcushims_queue_enqueue(struct rcushims_queue *queue, struct rcushims_queue_node *node) {
  cds_wfcq_node_init((struct cds_wfcq_node *)node);
  rcushims_annotate_publish(node);
  (void)cds_wfcq_enqueue(wfcq(queue), &queue->tail, (struct cds_wfcq_node *)node);
}

struct rcushims_queue_node *rcushims_queue_dequeue(struct rcushims_queue *queue) {
  while (true) {
    cds_wfcq_dequeue_lock(&queue->head, &queue->tail);
    struct cds_wfcq_node *node = __cds_wfcq_dequeue_nonblocking(wfcq(queue), &queue->tail);
    cds_wfcq_dequeue_unlock(&queue->head, &queue->tail);
    if (node != CDS_WFCQ_WOULDBLOCK) {
      rcushims_annotate_obtain(node);
      return (struct rcushims_queue_node *)node;
    }
    // liburcu's blocking call would sleep for 10 ms.
    sched_yield();
  }
}

void rcushims_queue_splice(struct rcushims_queue *source, struct rcushims_queue *target) {
  while (true) {
    cds_wfcq_dequeue_lock(&source->head, &source->tail);
    enum cds_wfcq_ret result = __cds_wfcq_splice_nonblocking(
        wfcq(target), &target->tail, wfcq(source), &source->tail);
    cds_wfcq_dequeue_unlock(&source->head, &source->tail);
    if (result != CDS_WFCQ_RET_WOULDBLOCK) return;
    sched_yield();
  }
}

bool rcushims_queue_is_empty(struct rcushims_queue *queue) {
  // Passes the addresses themselves: 0.15 takes a union of pointers to const here, 0.13 and 0.14
  // the other union, and a transparent union takes any of its members.
  return cds_wfcq_empty(&queue->head, &queue->tail);
}
