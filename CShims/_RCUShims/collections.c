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

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

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
