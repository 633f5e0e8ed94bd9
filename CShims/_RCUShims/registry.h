// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The reader registry: what is shared by the code that threads enter and leave it with
// (registry.c), sections (sections.c), the scan (scan.c) and the fork handlers (fork.c).

#ifndef RCU_SHIMS_REGISTRY_H
#define RCU_SHIMS_REGISTRY_H

#include "_RCUShims.h"

#include <signal.h>
#include <sys/types.h>
#include <urcu/list.h>

#define RCUSHIMS_HIDDEN __attribute__((visibility("hidden")))

/// One thread that reads in one flavor. This can't be thread-local storage, which may be gone while
/// the entry is still linked: a thread's last destructors can still read after all of ours have
/// run. So the entry lies in memory that is never freed, only reused. It is linked and unlinked by
/// its thread and read by other threads, all under the flavor's lock. What a scan needs comes
/// first, in one cache line.
struct registered_reader {
  struct cds_list_head link;
  /// liburcu's word, or that of `late_reader`.
  unsigned long *word;
  /// If the thread was inside a section at the last scan: the stamp of the scan that first found it
  /// there, and its word. `RCUSHIMS_OUTSIDE` if it was outside.
  uint64_t since;
  unsigned long noted_word;
  /// The stamp at which its snapshot section began. The thread stores it before the word whose
  /// snapshot bit is set.
  uint64_t snapshot_stamp;
  /// The thread's link in liburcu's registry. Not used for bp, which removes ended threads by
  /// itself.
  struct cds_list_head *registry_link;
  /// Our word of qsbr.
  uint32_t *qsbr_state;
  pid_t thread;
  /// Whether the thread reads with `late_reader`, which liburcu doesn't know.
  bool is_late;
  /// Counts bp's sections on a thread that liburcu has already removed from its registry.
  struct urcu_bp_reader late_reader;
} __attribute__((aligned(CAA_CACHE_LINE_SIZE)));

/// Later than every stamp.
#define RCUSHIMS_OUTSIDE UINT64_MAX

/// The calling thread's entries, by flavor; NULL where it isn't registered.
extern RCUSHIMS_HIDDEN __thread struct registered_reader
    *rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN struct cds_list_head rcushims_registries[RCUSHIMS_FLAVOR_COUNT];
extern RCUSHIMS_HIDDEN pthread_mutex_t rcushims_registry_locks[RCUSHIMS_FLAVOR_COUNT];

/// Removes an entry from the registry, for reuse by another thread. Under the registry's lock.
RCUSHIMS_HIDDEN void rcushims_drop_reader(int flavor, struct registered_reader *reader);

/// Whether there are readers of bp that liburcu doesn't know, and therefore doesn't wait for.
RCUSHIMS_HIDDEN bool rcushims_has_late_readers(void);

/// Lock the registry against other threads, and against this thread's signal handlers, which may
/// read.
RCUSHIMS_HIDDEN void rcushims_lock_registry(int flavor, sigset_t *before);
RCUSHIMS_HIDDEN void rcushims_unlock_registry(int flavor, const sigset_t *before);

/// Enters the calling thread into the registry, if it can read. After that its signal handlers
/// don't need the registry's lock, so the thread can take the lock without masking signals, which
/// would cost more than a scan.
RCUSHIMS_HIDDEN void rcushims_join_registry(int flavor);

/// Enters the calling thread into the registry, unless its word says that it is already there.
RCUSHIMS_HIDDEN void rcushims_enter_registry(int flavor, unsigned long *word,
                                             struct cds_list_head *registry_link);

/// The calling thread's reader of bp, which this registers if necessary.
RCUSHIMS_HIDDEN struct urcu_bp_reader *rcushims_own_bp_reader(void);

/// The number of consecutive short sections after which a thread becomes light.
#define RCUSHIMS_SHORT_SECTIONS_MAX 64

extern RCUSHIMS_HIDDEN __thread uint32_t rcushims_short_sections[RCUSHIMS_FLAVOR_COUNT];

/// The bits that the calling thread's short sections store in their words.
RCUSHIMS_HIDDEN unsigned long rcushims_short_kind(int flavor);

/// Whether the flavor's grace periods use sys_membarrier; if not, its sections have fences. Valid
/// once the flavor has been used.
static inline bool rcushims_has_membarrier(int flavor) {
  return (flavor == RCUSHIMS_BP && urcu_bp_has_sys_membarrier) ||
         (flavor == RCUSHIMS_MEMB && urcu_memb_has_sys_membarrier);
}

static inline bool rcushims_is_inside_word(unsigned long word) {
  return (word & URCU_GP_CTR_NEST_MASK) != 0;
}

/// Whether this copy wrote the bits above liburcu's, which means that the thread is in this copy's
/// registry.
static inline bool rcushims_is_ours(int flavor, unsigned long word) {
  return (word & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) != 0 &&
         ((word ^ RCUSHIMS_LOAD(rcushims_stamps[flavor].light)) & RCUSHIMS_COPY) == 0;
}

/// Held shared by any thread that is inside liburcu with one of liburcu's locks, and exclusively by
/// a thread that forks: a child must not start with such a lock held by a thread that it doesn't
/// have. Not used for bp, which has hooks of its own. It prefers writers, that is, the forking
/// thread, which overlapping grace periods would otherwise keep out for ever.
#define RCUSHIMS_FORK_LOCK PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
extern RCUSHIMS_HIDDEN pthread_rwlock_t rcushims_fork_locks[RCUSHIMS_FLAVOR_COUNT];

// MARK: - Copies of this library in one process

struct rcushims_copy;

/// What the leader of the copies asks each copy to do around a fork, in this order.
struct rcushims_fork_steps {
  /// Whether the calling thread is inside this copy with a lock held.
  bool (*holds_locks)(void);
  /// Whether the calling thread must not wait for grace periods of `flavor`.
  bool (*is_skipped)(int flavor);
  /// What comes before all locks. Called again if the locks had to be released.
  void (*before)(void);
  /// Waits until no thread is inside liburcu's `flavor` on behalf of this copy, and keeps others
  /// out.
  void (*take_fork_lock)(int flavor);
  /// Takes the other locks. Returns false if something has changed since `before`, which must then
  /// be called again.
  bool (*lock)(const bool *is_skipped);
  void (*unlock)(const bool *is_skipped);
  /// Called with the locks of all copies held.
  void (*lock_hooks)(void);
  void (*after_in_parent)(void);
  /// In a child: forgets the other threads.
  void (*forget)(int flavor);
  void (*release_fork_lock_in_child)(int flavor);
  void (*after_in_child)(const bool *is_skipped);
  void (*go_online_again)(void);
  /// In a child of a fork that took no locks.
  void (*strand)(void);
};

/// What copies know about one another. They find it through a note in the files that they are
/// linked into, since their symbols may be hidden and their versions may differ.
struct rcushims_copy {
  /// The version of this structure, of the steps, and of the meaning of a word's bits.
  uint32_t version;
  /// 1 to 126, as stored in words; 127 before one has been chosen.
  uint32_t number;
  const struct rcushims_fork_steps *steps;
  /// The copy that handles forks for all copies in `next`; NULL if none does so yet for this copy.
  struct rcushims_copy *_Atomic leader;
  struct rcushims_copy *_Atomic next;
  /// In the leader: held by a copy that joins the row, and by a fork from the time when it has all
  /// other locks until its end. It is the last lock that a fork takes.
  pthread_mutex_t row_lock;
};

extern RCUSHIMS_HIDDEN struct rcushims_copy rcushims_this_copy;

/// Chooses a number for this copy, once, before its first section and its first scan.
RCUSHIMS_HIDDEN void rcushims_take_number(void);

/// Makes the first copy that calls this the leader of all; puts every other one into the leader's
/// row, after any fork in progress. Returns whether this copy is the leader. If so, it holds the
/// lock of its row, and releases that when it is ready to handle forks.
RCUSHIMS_HIDDEN bool rcushims_join_leader(void);

/// Ends the process with a line on standard error.
RCUSHIMS_HIDDEN _Noreturn void rcushims_fail(const char *text);

#endif
