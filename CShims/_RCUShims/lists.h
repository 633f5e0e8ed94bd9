// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the list of reading threads (readers.c), those who look at it (looks.c) and the handlers of fork
// (fork.c) share.

#ifndef RCU_SHIMS_LISTS_H
#define RCU_SHIMS_LISTS_H

#include "_RCUShims.h"

#include <signal.h>
#include <sys/types.h>
#include <urcu/list.h>

#define RCUSHIMS_HIDDEN __attribute__((visibility("hidden")))

/// One thread that reads in one flavor. Lives in that thread's own storage.
/// Linked and unlinked by its thread under its flavor's lock; read by others under it.
/// What a look needs comes first, in one cache line.
struct listed_reader {
  struct cds_list_head link;
  /// liburcu's.
  unsigned long *word;
  /// The look that found this thread first in the section where it was at the last look, and its word
  /// then; `RCUSHIMS_OUTSIDE` if it was in none.
  uint64_t since;
  unsigned long noted_word;
  /// The number of the mark when its sealed section began. Stored by the thread before the word that says so.
  uint64_t sealed_number;
  /// Its link in liburcu's registry (not bp's, which prunes by itself).
  struct cds_list_head *registry_link;
  /// Our word of qsbr.
  uint32_t *qsbr_state;
  /// When somebody last saw this thread outside of sections, in `sysshims_now`'s time.
  uint64_t seen_outside;
  pid_t thread;
  bool is_listed;
} __attribute__((aligned(CAA_CACHE_LINE_SIZE)));

/// Later than all looks.
#define RCUSHIMS_OUTSIDE UINT64_MAX

extern RCUSHIMS_HIDDEN __thread struct listed_reader rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN struct cds_list_head rcushims_lists[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN pthread_mutex_t rcushims_list_locks[RCUSHIMS_FLAVOR_COUNT];

/// Blocks all signals of the calling thread, and keeps which were blocked `before`, unless that is NULL.
static inline void rcushims_block_signals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, before);
}

/// Lock the list against other threads and against handlers of this one, which may read.
RCUSHIMS_HIDDEN void rcushims_lock_list(int flavor, sigset_t *before);
RCUSHIMS_HIDDEN void rcushims_unlock_list(int flavor, const sigset_t *before);

/// Puts the calling thread on the list, if it can read. Its signal handlers have no need of the list's lock
/// then, and it can take that without masking them, which would cost more than the look.
RCUSHIMS_HIDDEN void rcushims_join_list(int flavor);

/// Whether grace periods of the flavor use sys_membarrier: else its sections have fences. Once it is in use.
static inline bool rcushims_has_membarrier(int flavor) {
  return (flavor == RCUSHIMS_BP && urcu_bp_has_sys_membarrier) ||
         (flavor == RCUSHIMS_MEMB && urcu_memb_has_sys_membarrier);
}

static inline bool rcushims_is_inside_word(unsigned long word) {
  return (word & URCU_GP_CTR_NEST_MASK) != 0;
}

static inline bool rcushims_is_on_list(unsigned long word) {
  return (word & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) != 0;
}

/// Shared by whoever is inside liburcu with a lock of liburcu's, exclusive to a thread that forks:
/// a child must not start with such a lock held by a thread that it doesn't have. Not for bp, which
/// has hooks of its own. The forking thread is preferred: grace periods that overlap would keep it
/// out for ever.
#define RCUSHIMS_GATE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
extern RCUSHIMS_HIDDEN pthread_rwlock_t rcushims_gates[RCUSHIMS_FLAVOR_COUNT];

#endif
