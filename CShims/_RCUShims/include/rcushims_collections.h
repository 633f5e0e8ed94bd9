// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's concurrent data structures for the collections of ReadCopyUpdate.
//
// Their code stays in liburcu's shared library, which ThreadSanitizer doesn't see into. So each
// function here that publishes a node releases on the node's address before, and each that hands a
// node out acquires on it after: the edge that liburcu's full barriers draw.

#ifndef RCU_SHIMS_COLLECTIONS_H
#define RCU_SHIMS_COLLECTIONS_H

#include <_SystemShims.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/rculfhash.h>

#pragma clang assume_nonnull begin

// MARK: - Hash tables (cds_lfht)

// Declared by flavor.h only under the name of the flavor that is mapped.
struct rcu_flavor_struct;

/// The functions of the flavor that liburcu calls `name`: bp, memb, mb, qsbr. NULL: there is none.
/// Why C: liburcu defines one object by flavor, of a type that Swift would have to import.
const struct rcu_flavor_struct *_Nullable rcushims_table_flavor(const char *name);

/// An empty table of `bucket_count` buckets, a power of two, that is resized by its owner only.
/// NULL: no memory, or not a power of two.
struct cds_lfht *_Nullable rcushims_table_new(const struct rcu_flavor_struct *flavor,
                                              unsigned long bucket_count);

/// Changes the number of buckets. Waits for grace periods where it shrinks; starts threads where it
/// is large, with every signal blocked. Not inside a read section; on a registered thread.
/// Why C: the signal mask around it, and `flavor`, for qsbr's offline threads.
void rcushims_table_resize(struct cds_lfht *table, const struct rcu_flavor_struct *flavor,
                           unsigned long bucket_count);

/// Frees an empty table that nobody can reach any more.
void rcushims_table_destroy(struct cds_lfht *table);

/// Matches every node. cds_lfht has compared the whole hash before it asks: a lookup walks the
/// nodes of one hash, and Swift compares the keys, so that no closure is needed. Why C: the
/// comparison is a C function, which can't be generic in Swift.
int rcushims_table_match_any(struct cds_lfht_node *node, const void *_Nullable key);

/// A Swift closure that compares keys, for the calls that compare within.
struct rcushims_matcher {
  bool (*matches)(void *context, struct cds_lfht_node *node);
  void *context;
};

/// Adds `node` unless a node matches; returns the one that is in the table then.
struct cds_lfht_node *rcushims_table_add_unique(struct cds_lfht *table, unsigned long hash,
                                                const struct rcushims_matcher *matcher,
                                                struct cds_lfht_node *node);

/// Puts `node` in the place of one that matches, which is returned, or adds it and returns NULL.
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

/// Puts `node`, of the same hash, in the place of the iterator's. False: that one is gone.
static inline bool rcushims_table_replace(struct cds_lfht *table, struct cds_lfht_iter *iterator,
                                          unsigned long hash, struct cds_lfht_node *node) {
  rcushims_annotate_publish(node);
  return cds_lfht_replace(table, iterator, hash, rcushims_table_match_any, NULL, node) == 0;
}

/// Takes `node` out. False: another thread was first.
static inline bool rcushims_table_delete(struct cds_lfht *table, struct cds_lfht_node *node) {
  return cds_lfht_del(table, node) == 0;
}

// MARK: - Stacks (lfstack)

// Why C: macros and transparent unions.

/// The link of a node; liburcu's cds_lfs_node.
struct rcushims_stack_node {
  struct rcushims_stack_node *_Nullable next;
};

/// The head; liburcu's __cds_lfs_stack, without the lock.
struct rcushims_stack {
  struct rcushims_stack_node *_Nullable head;
};

/// Lock-free; from anywhere.
void rcushims_stack_push(struct rcushims_stack *stack, struct rcushims_stack_node *node);

/// Inside a read section, so that no node comes back to the stack under a pop's eyes.
struct rcushims_stack_node *_Nullable rcushims_stack_pop(struct rcushims_stack *stack);

/// Takes all nodes, linked from the last pushed to the first.
struct rcushims_stack_node *_Nullable rcushims_stack_pop_all(struct rcushims_stack *stack);

/// The last pushed, acquired.
static inline struct rcushims_stack_node *_Nullable rcushims_stack_top(
    struct rcushims_stack *stack) {
  struct rcushims_stack_node *top = __atomic_load_n(&stack->head, __ATOMIC_ACQUIRE);
  rcushims_annotate_obtain(top);
  return top;
}

// MARK: - Queues (wfcqueue)

// Why C: macros and transparent unions.

/// The link of a node; liburcu's cds_wfcq_node.
struct rcushims_queue_node {
  struct rcushims_queue_node *_Nullable next;
};

struct rcushims_queue;

/// An empty queue. NULL: no memory.
struct rcushims_queue *_Nullable rcushims_queue_new(void);

/// Frees an empty queue that nobody can reach any more.
void rcushims_queue_destroy(struct rcushims_queue *queue);

/// Wait-free: one exchange and one store.
void rcushims_queue_enqueue(struct rcushims_queue *queue, struct rcushims_queue_node *node);

/// Takes the first node, or NULL. One consumer at a time, by the queue's mutex. Yields, without the
/// mutex, while an enqueuer is between its exchange and its store.
struct rcushims_queue_node *_Nullable rcushims_queue_dequeue(struct rcushims_queue *queue);

/// Moves all nodes of `source` to the end of `target`, another queue, in one step.
void rcushims_queue_splice(struct rcushims_queue *source, struct rcushims_queue *target);

bool rcushims_queue_is_empty(struct rcushims_queue *queue);

#pragma clang assume_nonnull end

#endif
