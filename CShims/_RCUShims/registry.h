// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The reader registry: what the threads that enter and leave it (registry.c), their sections
// (sections.c), the scan (scan.c) and the handlers of fork (fork.c) share.

#ifndef RCU_SHIMS_REGISTRY_H
#define RCU_SHIMS_REGISTRY_H

#include "_RCUShims.h"

#include <signal.h>
#include <sys/types.h>
#include <urcu/list.h>

#define RCUSHIMS_HIDDEN __attribute__((visibility("hidden")))

/// One thread that reads in one flavor. Not in that thread's storage, which may be gone while this
/// is still linked: a thread's last destructors can read when none of ours runs any more. So it is
/// of memory that is never given back, and used again. Linked and unlinked by its thread under its
/// flavor's lock; read by others under it. What a scan needs comes first, in one cache line.
struct registered_reader {
  struct cds_list_head link;
  /// liburcu's, or that of `late_reader`.
  unsigned long *word;
  /// The stamp of the scan that found this thread first in the section where it was at the last
  /// scan, and its word then; `RCUSHIMS_OUTSIDE` if it was in none.
  uint64_t since;
  unsigned long noted_word;
  /// The stamp when its snapshot section began. Stored by the thread before the word that says so.
  uint64_t snapshot_stamp;
  /// Its link in liburcu's registry (not bp's, which prunes by itself).
  struct cds_list_head *registry_link;
  /// Our word of qsbr.
  uint32_t *qsbr_state;
  pid_t thread;
  /// Reads by `late_reader`, which liburcu doesn't know.
  bool is_late;
  /// What bp's sections are counted in on a thread that liburcu has taken off its registry.
  struct urcu_bp_reader late_reader;
} __attribute__((aligned(CAA_CACHE_LINE_SIZE)));

/// Later than all stamps.
#define RCUSHIMS_OUTSIDE UINT64_MAX

/// The calling thread's, by flavor; NULL where it isn't registered.
extern RCUSHIMS_HIDDEN __thread struct registered_reader *rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN struct cds_list_head rcushims_registries[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN pthread_mutex_t rcushims_registry_locks[RCUSHIMS_FLAVOR_COUNT];

/// Takes a reader out of the registry, for another thread to use. Under the registry's lock.
RCUSHIMS_HIDDEN void rcushims_drop_reader(int flavor, struct registered_reader *reader);

/// Whether bp has readers that liburcu doesn't know, and doesn't wait for.
RCUSHIMS_HIDDEN bool rcushims_has_late_readers(void);

/// Lock the registry against other threads and against handlers of this one, which may read.
RCUSHIMS_HIDDEN void rcushims_lock_registry(int flavor, sigset_t *before);
RCUSHIMS_HIDDEN void rcushims_unlock_registry(int flavor, const sigset_t *before);

/// Puts the calling thread into the registry, if it can read. Its signal handlers have no need of
/// the registry's lock then, and it can take that without masking them, which would cost more than
/// a scan.
RCUSHIMS_HIDDEN void rcushims_join_registry(int flavor);

/// Puts the calling thread into the registry, unless its word says that it is in it.
RCUSHIMS_HIDDEN void rcushims_enter_registry(int flavor, unsigned long *word,
                                             struct cds_list_head *registry_link);

/// The calling thread's reader of bp, which it has registered if need be.
RCUSHIMS_HIDDEN struct urcu_bp_reader *rcushims_own_bp_reader(void);

/// A thread that opens as many short sections in a row becomes light.
#define RCUSHIMS_SHORT_SECTIONS_MAX 64

extern RCUSHIMS_HIDDEN __thread uint32_t rcushims_short_sections[RCUSHIMS_FLAVOR_COUNT];

/// What the calling thread's short sections have in their words.
RCUSHIMS_HIDDEN unsigned long rcushims_short_kind(int flavor);

/// Whether grace periods of the flavor use sys_membarrier: else its sections have fences. Once it
/// is in use.
static inline bool rcushims_has_membarrier(int flavor) {
  return (flavor == RCUSHIMS_BP && urcu_bp_has_sys_membarrier) ||
         (flavor == RCUSHIMS_MEMB && urcu_memb_has_sys_membarrier);
}

static inline bool rcushims_is_inside_word(unsigned long word) {
  return (word & URCU_GP_CTR_NEST_MASK) != 0;
}

/// Whether the bits above liburcu's are this copy's, which says that the thread is in its registry.
static inline bool rcushims_is_ours(int flavor, unsigned long word) {
  return (word & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) != 0 &&
         ((word ^ RCUSHIMS_LOAD(rcushims_stamps[flavor].light)) & RCUSHIMS_COPY) == 0;
}

/// Shared by whoever is inside liburcu with a lock of liburcu's, exclusive to a thread that forks:
/// a child must not start with such a lock held by a thread that it doesn't have. Not for bp, which
/// has hooks of its own. The forking thread is preferred: grace periods that overlap would keep it
/// out for ever.
#define RCUSHIMS_FORK_LOCK PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
extern RCUSHIMS_HIDDEN pthread_rwlock_t rcushims_fork_locks[RCUSHIMS_FLAVOR_COUNT];

// MARK: - Copies of this library in one process

struct rcushims_copy;

/// What the leader of the copies asks of each around a fork, in this order.
struct rcushims_fork_steps {
  /// Whether the calling thread is between a lock of this copy's and its release.
  bool (*holds_locks)(void);
  /// Whether the calling thread must not wait for grace periods of `flavor`.
  bool (*is_skipped)(int flavor);
  /// What comes before all locks. Again, if the locks were released.
  void (*before)(void);
  /// Waits until nobody is inside liburcu's `flavor` on this copy's behalf, and keeps others out.
  void (*take_fork_lock)(int flavor);
  /// Takes the other locks; false: something has changed since `before`, which is to come again.
  bool (*lock)(const bool *is_skipped);
  void (*unlock)(const bool *is_skipped);
  /// With the locks of all copies.
  void (*lock_hooks)(void);
  void (*after_in_parent)(void);
  /// In a child: forgets other threads.
  void (*forget)(int flavor);
  void (*release_fork_lock_in_child)(int flavor);
  void (*after_in_child)(const bool *is_skipped);
  void (*go_online_again)(void);
  /// In a child of a fork that took no lock.
  void (*strand)(void);
};

/// What copies know of one another, found by a note in the files they are linked into: their
/// symbols may be hidden, and their versions differ.
struct rcushims_copy {
  /// Of this structure, of the steps, and of what a word's bits mean.
  uint32_t version;
  /// 1 to 126, in the words; 127: none yet.
  uint32_t number;
  const struct rcushims_fork_steps *steps;
  /// Handles forks for all copies in `next`; NULL: nobody does for this one yet.
  struct rcushims_copy *_Atomic leader;
  struct rcushims_copy *_Atomic next;
  /// The leader's: held by a copy that comes into the row, and by a fork from when it has all other
  /// locks to its end. The last lock that a fork takes.
  pthread_mutex_t row_lock;
};

extern RCUSHIMS_HIDDEN struct rcushims_copy rcushims_this_copy;

/// Takes a number for this copy, once; before its first section and its first scan.
RCUSHIMS_HIDDEN void rcushims_take_number(void);

/// Makes the first copy that asks for it the leader of all, or puts this one in its row, waiting
/// for a fork that is under way. Returns whether this is the leader; then it has the lock of its
/// row, which it releases when it handles forks.
RCUSHIMS_HIDDEN bool rcushims_join_leader(void);

/// Keeps the file that this copy is linked into from being unloaded: it has threads' destructors,
/// handlers of fork and of exit, and its numbers stay in words.
RCUSHIMS_HIDDEN void rcushims_stay_loaded(void);

/// Ends the process with a line on standard error.
RCUSHIMS_HIDDEN _Noreturn void rcushims_fail(const char *text);

#endif
