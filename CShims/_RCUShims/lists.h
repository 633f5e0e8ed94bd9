// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the list of reading threads (readers.c) and the handlers of fork (fork.c) share.

#ifndef RCU_SHIMS_LISTS_H
#define RCU_SHIMS_LISTS_H

#include "_RCUShims.h"

#include <sys/types.h>
#include <urcu/list.h>

#define RCUSHIMS_HIDDEN __attribute__((visibility("hidden")))

/// One thread that reads in one flavor. Lives in that thread's own storage.
/// Linked and unlinked by its thread under its flavor's lock; read by others under it.
struct listed_reader {
  struct cds_list_head link;
  /// liburcu's word and its link in liburcu's registry (not bp's, which prunes by itself).
  unsigned long *word;
  struct cds_list_head *registry_link;
  /// Our word of qsbr.
  uint32_t *qsbr_state;
  /// When somebody last saw this thread outside of sections, in `rcushims_now`'s time.
  uint64_t seen_outside;
  pid_t thread;
  bool is_listed;
};

extern RCUSHIMS_HIDDEN __thread struct listed_reader rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN struct cds_list_head rcushims_lists[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN pthread_mutex_t rcushims_list_locks[RCUSHIMS_FLAVOR_COUNT];

/// Shared by whoever is inside liburcu with a lock of liburcu's, exclusive to a thread that forks:
/// a child must not start with such a lock held by a thread that it doesn't have. Not for bp, which
/// has hooks of its own. The forking thread is preferred: grace periods that overlap would keep it
/// out for ever.
#define RCUSHIMS_GATE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
extern RCUSHIMS_HIDDEN pthread_rwlock_t rcushims_gates[RCUSHIMS_FLAVOR_COUNT];

#endif
