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

#pragma clang assume_nonnull begin

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
