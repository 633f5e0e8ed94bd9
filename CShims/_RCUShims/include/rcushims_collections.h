// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's concurrent data structures for the collections of ReadCopyUpdate.
//
// liburcu's own code stays in its shared library, which ThreadSanitizer can't see into. So each
// function here that publishes a node releases on the node's address first, and each that hands out
// a node acquires on its address afterwards. These annotations stand for the order that liburcu's
// full barriers give.

#ifndef RCU_SHIMS_COLLECTIONS_H
#define RCU_SHIMS_COLLECTIONS_H

#include <_SystemShims.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/rculfhash.h>

#pragma clang assume_nonnull begin

// MARK: - Hash tables (cds_lfht)

// flavor.h declares it only under the name that it maps a flavor to.
struct rcu_flavor_struct;

/// The functions of the flavor that liburcu calls `name` (bp, memb, mb or qsbr), or NULL if there
/// is no such flavor. Why C: liburcu defines one object per flavor, of a type that Swift would have
/// to import.
const struct rcu_flavor_struct *_Nullable rcushims_table_flavor(const char *name);

/// An empty table of `bucket_count` buckets, a power of two, which only its owner resizes. NULL if
/// there is no memory, or if the count isn't a power of two.
struct cds_lfht *_Nullable rcushims_table_new(const struct rcu_flavor_struct *flavor,
                                              unsigned long bucket_count);

/// Changes the number of buckets. To shrink, it waits for grace periods; for a large table it
/// starts threads, with all signals blocked. The caller is registered and in no read section. Why
/// C: it sets the signal mask, and uses `flavor` for offline threads of qsbr.
void rcushims_table_resize(struct cds_lfht *table, const struct rcu_flavor_struct *flavor,
                           unsigned long bucket_count);

/// Frees an empty table that nobody can reach any more.
void rcushims_table_destroy(struct cds_lfht *table);

/// Matches every node. cds_lfht has already compared the whole hash when it calls this: a lookup
/// walks the nodes of one hash, and Swift compares the keys, so that no closure is needed. Why C:
/// the comparison is a C function, which can't be generic in Swift.
int rcushims_table_match_any(struct cds_lfht_node *node, const void *_Nullable key);

/// A Swift closure that compares keys, for those calls that compare inside liburcu.
struct rcushims_matcher {
  bool (*matches)(void *context, struct cds_lfht_node *node);
  void *context;
};

/// Adds `node`, unless a node matches. Returns the node that is in the table afterwards.
struct cds_lfht_node *rcushims_table_add_unique(struct cds_lfht *table, unsigned long hash,
                                                const struct rcushims_matcher *matcher,
                                                struct cds_lfht_node *node);

/// Replaces a node that matches with `node`, and returns the replaced one; if none matches, adds
/// `node` and returns NULL.
struct cds_lfht_node *_Nullable rcushims_table_add_replace(
    struct cds_lfht *table, unsigned long hash, const struct rcushims_matcher *matcher,
    struct cds_lfht_node *node);

static inline void rcushims_annotate_publish(void *node) {
#if SYSSHIMS_TSAN
  sysshims_annotate_release(node);
#else
  (void)node;
#endif
}

static inline void rcushims_annotate_obtain(void *_Nullable node) {
#if SYSSHIMS_TSAN
  if (node != NULL) sysshims_annotate_acquire((void *_Nonnull)node);
#else
  (void)node;
#endif
}

static inline void rcushims_table_add(struct cds_lfht *table, unsigned long hash,
                                      struct cds_lfht_node *node) {
  rcushims_annotate_publish(node);
  cds_lfht_add(table, hash, node);
}

/// The first node whose hash is `hash`.
static inline void rcushims_table_lookup(struct cds_lfht *table, unsigned long hash,
                                         struct cds_lfht_iter *iterator) {
  cds_lfht_lookup(table, hash, rcushims_table_match_any, NULL, iterator);
  rcushims_annotate_obtain(iterator->node);
}

/// The next node of the same hash.
static inline void rcushims_table_next_of_hash(struct cds_lfht *table,
                                               struct cds_lfht_iter *iterator) {
  cds_lfht_next_duplicate(table, rcushims_table_match_any, NULL, iterator);
  rcushims_annotate_obtain(iterator->node);
}

static inline void rcushims_table_first(struct cds_lfht *table, struct cds_lfht_iter *iterator) {
  cds_lfht_first(table, iterator);
  rcushims_annotate_obtain(iterator->node);
}

static inline void rcushims_table_next(struct cds_lfht *table, struct cds_lfht_iter *iterator) {
  cds_lfht_next(table, iterator);
  rcushims_annotate_obtain(iterator->node);
}

/// Replaces the iterator's node with `node`, which has the same hash. Returns false if the
/// iterator's node has been removed.
static inline bool rcushims_table_replace(struct cds_lfht *table, struct cds_lfht_iter *iterator,
                                          unsigned long hash, struct cds_lfht_node *node) {
  rcushims_annotate_publish(node);
  return cds_lfht_replace(table, iterator, hash, rcushims_table_match_any, NULL, node) == 0;
}

/// Removes `node`. Returns false if another thread did so first.
static inline bool rcushims_table_delete(struct cds_lfht *table, struct cds_lfht_node *node) {
  return cds_lfht_del(table, node) == 0;
}

// MARK: - Stacks (lfstack)

// Why C: macros and transparent unions.

/// The link of a node: liburcu's cds_lfs_node.
struct rcushims_stack_node {
  struct rcushims_stack_node *_Nullable next;
};

/// The head of a stack: liburcu's __cds_lfs_stack, without the lock.
struct rcushims_stack {
  struct rcushims_stack_node *_Nullable head;
};

/// Lock-free; may be called anywhere.
void rcushims_stack_push(struct rcushims_stack *stack, struct rcushims_stack_node *node);

/// Must be called inside a read section, so that a popped node can't be pushed again while another
/// pop still looks at it.
struct rcushims_stack_node *_Nullable rcushims_stack_pop(struct rcushims_stack *stack);

/// Removes all nodes, and returns them linked from the last pushed to the first.
struct rcushims_stack_node *_Nullable rcushims_stack_pop_all(struct rcushims_stack *stack);

/// The node that was pushed last; an acquiring load.
static inline struct rcushims_stack_node *_Nullable rcushims_stack_top(
    struct rcushims_stack *stack) {
  struct rcushims_stack_node *top = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE);
  rcushims_annotate_obtain(top);
  return top;
}

// MARK: - Queues (wfcqueue)

// Why C: macros and transparent unions.

/// The link of a node: liburcu's cds_wfcq_node.
struct rcushims_queue_node {
  struct rcushims_queue_node *_Nullable next;
};

struct rcushims_queue;

/// An empty queue, or NULL if there is no memory.
struct rcushims_queue *_Nullable rcushims_queue_new(void);

/// Frees an empty queue that nobody can reach any more.
void rcushims_queue_destroy(struct rcushims_queue *queue);

/// Wait-free: one exchange and one store.
void rcushims_queue_enqueue(struct rcushims_queue *queue, struct rcushims_queue_node *node);

/// Removes the first node, or returns NULL. The queue's mutex admits one consumer at a time. While
/// an enqueuer is between its exchange and its store, this yields the processor without holding the
/// mutex.
struct rcushims_queue_node *_Nullable rcushims_queue_dequeue(struct rcushims_queue *queue);

/// Moves all nodes of `source`, in one step, to the end of `target`, which is another queue.
void rcushims_queue_splice(struct rcushims_queue *source, struct rcushims_queue *target);

bool rcushims_queue_is_empty(struct rcushims_queue *queue);

#pragma clang assume_nonnull end

#endif
