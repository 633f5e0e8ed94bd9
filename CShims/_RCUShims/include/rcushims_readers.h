// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's flavors bp, memb and mb: read sections, grace periods, and a registry of the threads
// that read. Why C: another library's thread-local storage, macros, and compiler barriers.
//
// We keep a registry of readers (registry.c), since liburcu's is private. It tells which thread
// holds up a grace period, lets a child of fork forget the threads that it doesn't have, and lets a
// writer that scans it from time to time find out that all readers have left their sections. A
// thread is in it from its first section to its own end. Later sections pay nothing for that:
// liburcu uses only the low bits of a reader's word, and we keep three bits and a number above
// those.
//
// | bits of a reader's word | meaning |
// |---|---|
// | 0..<32   | liburcu: how many sections are nested; 0 is outside |
// | 32       | liburcu: the phase of the grace period when the outermost section opened |
// | 33..<40  | ours: the copy of this library that wrote the bits above, see copies.c |
// | 40       | ours, *light*: registered; this section and the next have no fence but liburcu's |
// | 41       | ours, *fenced*: registered; this section and the next begin with a fence |
// | 42       | ours, *snapshot*: fenced; follows only pointers loaded before the next stamp |
// | 43..<64  | ours: the low bits of the stamp when the outermost section opened |
//
// A writer that scans the words of light threads must interrupt the processors that they may run on
// (membarrier); otherwise it could miss a section that has just begun. Fenced threads needn't be
// interrupted, but pay a few nanoseconds for the fence in each section: nothing beside a long
// section, but up to half of a short one. So a long section makes a thread fenced, and many short
// ones in a row make it light. Without membarrier, threads of bp and memb never become light.
//
// A snapshot section loads its pointers at its beginning. If the readers have been scanned
// meanwhile, it begins again before it follows them. So it can't reach anything that is published
// after it began, and what is both published and replaced after that needn't wait for the section's
// end, however long it lasts. (Interval-based reclamation: Wen et al., PPoPP 2018; here with the
// upper end of the interval only.)

#ifndef RCU_SHIMS_READERS_H
#define RCU_SHIMS_READERS_H

#include <_SystemShims.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rcushims_liburcu.h"

#pragma clang assume_nonnull begin

/// The flavors' numbers, for code that is shared by all of them.
enum {
  RCUSHIMS_BP = 0,
  RCUSHIMS_MEMB = 1,
  RCUSHIMS_MB = 2,
  RCUSHIMS_QSBR = 3,
  RCUSHIMS_FLAVOR_COUNT = 4
};

/// The addresses that annotations use, one per flavor.
extern char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];

#define RCUSHIMS_LIGHT (URCU_GP_CTR_PHASE << 8)
/// The step from one copy's number to the next, and the mask of these bits.
#define RCUSHIMS_NEXT_COPY (URCU_GP_CTR_PHASE << 1)
#define RCUSHIMS_COPY (RCUSHIMS_LIGHT - RCUSHIMS_NEXT_COPY)
#define RCUSHIMS_FENCED (RCUSHIMS_LIGHT << 1)
/// The snapshot bit.
#define RCUSHIMS_SEALED (RCUSHIMS_LIGHT << 2)
/// The step from one stamp to the next.
#define RCUSHIMS_NEXT_STAMP (RCUSHIMS_LIGHT << 3)

/// The stamp: what a light thread's section stores in its word besides liburcu's bits.
///
/// Scans advance it. If a thread's word has another stamp than at an earlier scan, the thread has
/// left the section that it was in then. Readers copy the stamp instead of counting by themselves,
/// so that a section's store doesn't depend on the store of the section before it.
struct rcushims_stamp {
  /// The stamp's low bits, with this copy's number, so that another copy's words are never taken
  /// for ours.
  unsigned long light;
  /// The whole stamp. Starts at 1 and never wraps around.
  uint64_t number;
} __attribute__((aligned(128)));

extern struct rcushims_stamp rcushims_stamps[RCUSHIMS_FLAVOR_COUNT];

/// Stores a reader's word: a plain store, which other threads may read at any time.
#define RCUSHIMS_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#define RCUSHIMS_LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)

// MARK: - bp: threads register themselves at first use

/// Opens a section of a thread that isn't light: of a fenced thread, of one that hasn't read yet,
/// or of one whose last section was opened by C code or by another copy of this library.
void rcushims_bp_read_lock_slow(void);

/// Opens a section that lasts so long that the cost of a fence doesn't matter. Not to be called in
/// a signal handler: the handler may have interrupted a light section between the steps of its
/// beginning, and a scan could then miss that section.
void rcushims_bp_read_lock_fenced(void);

/// Opens a long section that is a snapshot section. The caller loads its pointers with acquiring
/// loads. Then it calls `rcushims_is_snapshot_section` with the number that this returned (the
/// stamp), and either follows the pointers or leaves the section. Within another section, this
/// opens an ordinary long section. Sections nested in a snapshot section may load any pointer: the
/// first of them clears the snapshot bit.
uint64_t rcushims_bp_read_lock_snapshot(void);

/// Returned for a section that isn't a snapshot section.
#define RCUSHIMS_UNSEALED UINT64_MAX

/// Whether the pointers that have been loaded since the section began may be followed.
static inline bool rcushims_is_snapshot_section(int flavor, uint64_t number) {
  return number == RCUSHIMS_LOAD(rcushims_stamps[flavor].number) || number == RCUSHIMS_UNSEALED;
}

// Like liburcu's, except that our bits are tested together with the nesting.
static inline void rcushims_bp_read_lock(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  if (caa_unlikely(!reader)) {
    rcushims_bp_read_lock_slow();
    return;
  }
  cmm_barrier();
  unsigned long word = reader->ctr;
  unsigned long stamp = RCUSHIMS_LOAD(rcushims_stamps[RCUSHIMS_BP].light);
  unsigned long difference = word ^ stamp;
  if (caa_likely((difference & (URCU_BP_GP_CTR_NEST_MASK | RCUSHIMS_COPY | RCUSHIMS_LIGHT)) == 0)) {
    RCUSHIMS_STORE(reader->ctr, _CMM_LOAD_SHARED(urcu_bp_gp.ctr) | stamp);
    cmm_barrier();
  } else if ((difference & (RCUSHIMS_COPY | RCUSHIMS_LIGHT)) == 0) {
    RCUSHIMS_STORE(reader->ctr, word + URCU_BP_GP_COUNT);
  } else {
    rcushims_bp_read_lock_slow();
  }
}

static inline void rcushims_bp_read_unlock(void) {
  sysshims_annotate_release(&rcushims_tags[RCUSHIMS_BP]);
  _urcu_bp_read_unlock();
}

// Unlike liburcu's, this doesn't register a thread that has never read.
static inline bool rcushims_bp_read_ongoing(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  return reader != NULL && (reader->ctr & URCU_BP_GP_CTR_NEST_MASK) != 0;
}

// MARK: - memb and mb: the caller registers threads

/// Like liburcu's, except for our bits. `inside` is the word of a section that begins now, with our
/// stamp. A single comparison recognises the usual case: the thread is outside, is light, and last
/// read with this stamp and in this phase. The other cases are sorted out after it, or by the slow
/// path. Returns false, and opens nothing, if the thread isn't registered: liburcu would let it
/// through, and would free memory that it reads.
__attribute__((always_inline)) static inline bool rcushims_counting_lock(
    struct urcu_reader *reader, unsigned long inside, bool is_fenced, bool (*slow)(void)) {
  unsigned long word = reader->ctr;
  if (caa_unlikely(word != inside - URCU_GP_COUNT)) {
    if ((word ^ inside) & (RCUSHIMS_COPY | RCUSHIMS_LIGHT)) return slow();
    if (word & URCU_GP_CTR_NEST_MASK) {
      RCUSHIMS_STORE(reader->ctr, word + URCU_GP_COUNT);
      return true;
    }
  }
  RCUSHIMS_STORE(reader->ctr, inside);
  if (is_fenced) cmm_smp_mb();
  cmm_barrier();
  return true;
}

/// Checks once whether fences are needed, where liburcu checks twice.
__attribute__((always_inline)) static inline void rcushims_counting_unlock(
    struct urcu_reader *reader, struct urcu_gp *gp, bool needs_fences) {
  unsigned long word = reader->ctr;
  cmm_barrier();
  if (caa_unlikely((word & URCU_GP_CTR_NEST_MASK) != URCU_GP_COUNT)) {
    RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);
  } else if (needs_fences) {
    cmm_smp_mb();
    RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);
    cmm_smp_mb();
    urcu_common_wake_up_gp(gp);
  } else {
    RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);
    cmm_barrier();
    urcu_common_wake_up_gp(gp);
  }
  cmm_barrier();
}

// Every flavor gets the same functions. Those that aren't inline do what bp's do, and return 0 for
// a thread that isn't registered.
#define RCUSHIMS_COUNTING_FLAVOR(flavor, number, needs_fences)                                   \
  bool rcushims_##flavor##_read_lock_slow(void);                                                 \
  bool rcushims_##flavor##_read_lock_fenced(void);                                                 \
  uint64_t rcushims_##flavor##_read_lock_snapshot(void);                                           \
                                                                                                 \
  static inline bool rcushims_##flavor##_read_lock(void) {                                       \
    cmm_barrier();                                                                               \
    unsigned long inside = _CMM_LOAD_SHARED(urcu_##flavor##_gp.ctr) |                            \
                           RCUSHIMS_LOAD(rcushims_stamps[number].light);                         \
    return rcushims_counting_lock(&URCU_TLS(urcu_##flavor##_reader), inside,                     \
                                  number == RCUSHIMS_MB, rcushims_##flavor##_read_lock_slow);    \
  }                                                                                              \
                                                                                                 \
  static inline void rcushims_##flavor##_read_unlock(void) {                                     \
    sysshims_annotate_release(&rcushims_tags[number]);                                           \
    rcushims_counting_unlock(&URCU_TLS(urcu_##flavor##_reader), &urcu_##flavor##_gp,             \
                             needs_fences);                                                      \
  }                                                                                              \
                                                                                                 \
  static inline bool rcushims_##flavor##_read_ongoing(void) {                                    \
    return _urcu_##flavor##_read_ongoing() != 0;                                                 \
  }                                                                                              \
                                                                                                 \
  static inline bool rcushims_##flavor##_is_registered(void) {                                   \
    return URCU_TLS(urcu_##flavor##_reader).registered;                                          \
  }

RCUSHIMS_COUNTING_FLAVOR(memb, RCUSHIMS_MEMB, caa_unlikely(!urcu_memb_has_sys_membarrier))
RCUSHIMS_COUNTING_FLAVOR(mb, RCUSHIMS_MB, true)

#undef RCUSHIMS_COUNTING_FLAVOR

// MARK: - All flavors, by number

/// For debug builds: a number for the calling thread's outermost section that no other section has
/// had. Called at the beginning of each section.
uint64_t rcushims_section_token(int flavor);

/// For debug builds: whether the section with this number is open on the calling thread.
bool rcushims_is_section_open(int flavor, uint64_t token);

/// `synchronize_rcu`. The calling thread must be in no section.
void rcushims_synchronize(int flavor);

/// A thread that is in a snapshot section.
struct rcushims_snapshot_reader {
  /// The stamp of the scan that first found the thread in this section.
  uint64_t since;
  /// The stamp at which the section began.
  uint64_t stamp;
};

/// A thread that is inside a section; with qsbr, a thread that holds up a grace period.
struct rcushims_inside_reader {
  /// The stamp of the scan that first found the thread in this section; with qsbr, the largest
  /// number.
  uint64_t since;
  /// The kernel's thread number.
  int32_t thread;
  /// How many sections are nested.
  uint32_t nesting;
  /// Whether liburcu's current grace period waits for the thread.
  bool holds_up;
};

#define RCUSHIMS_SNAPSHOT_READERS_MAX 8
#define RCUSHIMS_INSIDE_READERS_MAX 16

/// What a scan of the reader registry has found.
struct rcushims_reader_scan {
  uint64_t stamp;
  /// Of the threads that are inside, the one that has been in its section longest decides: this is
  /// the stamp of the scan that first found it there. The largest number if nobody is inside; 0
  /// where that is unknown: with qsbr, and in a child whose domain is lost.
  uint64_t oldest;
  /// The same, without the threads in `snapshot`.
  uint64_t oldest_open;
  /// Threads that are in snapshot sections. Those that don't fit count as ordinary readers.
  struct rcushims_snapshot_reader snapshot[RCUSHIMS_SNAPSHOT_READERS_MAX];
  size_t snapshot_count;
  /// Threads that are inside, as many as fit. A thread that C code registered, and that has never
  /// read through this library, is unknown.
  struct rcushims_inside_reader inside[RCUSHIMS_INSIDE_READERS_MAX];
  size_t inside_count;
  /// Threads in the registry.
  size_t reader_count;
};

/// The beginning of a polled grace period.
struct rcushims_cookie {
  /// The stamp of its scan, at least 1; 0 if there is none: with qsbr, and where readers can't be
  /// scanned in this way.
  uint64_t stamp;
  /// How long it took to interrupt the other threads, in nanoseconds; 0 if that wasn't needed.
  uint64_t interruption;
};

/// Starts a grace period and finds out who is inside: `start_poll_synchronize_rcu`. Doesn't wait
/// for any section. If some thread is light, interrupts all running threads of the process; threads
/// that enter the registry wait for that. O(threads in the registry).
struct rcushims_cookie rcushims_start_grace_period(int flavor, struct rcushims_reader_scan *scan);

/// Finds out who is inside, for any number of cookies. Doesn't wait for any section. O(threads in
/// the registry).
void rcushims_scan_readers(int flavor, struct rcushims_reader_scan *scan);

/// Whether the cookie's grace period had ended at the scan, so that what was unpublished before the
/// cookie was made may be reused: `poll_state_synchronize_rcu`.
static inline bool rcushims_has_passed(const struct rcushims_reader_scan *scan,
                                       struct rcushims_cookie cookie) {
  return cookie.stamp < scan->oldest;
}

/// The same, for what was published after `earlier` was made.
static inline bool rcushims_has_passed_since(const struct rcushims_reader_scan *scan,
                                             struct rcushims_cookie earlier,
                                             struct rcushims_cookie cookie) {
  if (cookie.stamp >= scan->oldest_open) return false;
  for (size_t index = 0; index < scan->snapshot_count; index += 1) {
    const struct rcushims_snapshot_reader *reader = &scan->snapshot[index];
    if (cookie.stamp >= reader->since && reader->stamp >= earlier.stamp) return false;
  }
  return true;
}

/// The first and the last of the stamps at which some snapshot sections began.
struct rcushims_snapshot_stamps {
  uint64_t first;
  uint64_t last;
};

/// The stamps of those snapshot sections that the scan with the stamp `since`, or an earlier one,
/// found open; the largest number and 0 if there are none.
static inline struct rcushims_snapshot_stamps rcushims_snapshot_since(
    const struct rcushims_reader_scan *scan, uint64_t since) {
  struct rcushims_snapshot_stamps stamps = {.first = UINT64_MAX, .last = 0};
  for (size_t index = 0; index < scan->snapshot_count; index += 1) {
    const struct rcushims_snapshot_reader *reader = &scan->snapshot[index];
    if (reader->since > since) continue;
    if (reader->stamp < stamps.first) stamps.first = reader->stamp;
    if (reader->stamp > stamps.last) stamps.last = reader->stamp;
  }
  return stamps;
}

/// Whether the calling thread may read. With bp, every thread may.
bool rcushims_is_registered(int flavor);

/// `rcu_register_thread`, for liburcu's registry and ours. The thread must not be registered.
void rcushims_register_thread(int flavor);

/// `rcu_unregister_thread`, for liburcu's registry and ours. A registered thread does this by
/// itself when it ends.
void rcushims_unregister_thread(int flavor);

// MARK: - fork

/// Called around a fork, on the thread that forks.
struct rcushims_fork_hooks {
  /// Called without liburcu's locks. May wait for grace periods, but must not keep a lock that is
  /// taken inside a section.
  void (*_Nonnull before)(void);
  /// Called with liburcu's locks, which the fork may have waited for as long as a grace period
  /// lasts.
  void (*_Nonnull lock)(void);
  /// Called without liburcu's locks.
  void (*_Nonnull after_in_parent)(void);
  void (*_Nonnull after_in_child)(void);
};

/// Makes every child of `fork` able to read, to wait for grace periods and to register threads: a
/// fork waits for what is in progress, and its child removes the threads that it doesn't have from
/// liburcu's registries. Called once, at the latest at the first section or the first reclaimer.
/// From then on, other code must not call liburcu's own hooks (urcu_bp_before_fork,
/// urcu_…_call_rcu_before_fork).
void rcushims_install_fork_handlers(void);

/// Installs the fork handlers, and `hooks` if there are none yet. What the hooks look after must be
/// created after this call. The caller must not hold a lock that they take: a fork may be in
/// progress, already too far to call them.
void rcushims_set_fork_hooks(struct rcushims_fork_hooks hooks);

/// Whether this process is the child of a fork inside a section of `flavor`, or in a signal handler
/// that had interrupted this library. Nobody may wait for this flavor's grace periods then.
bool rcushims_is_lost(int flavor);

/// Whether this process is the child of a fork in a signal handler that had interrupted this
/// library while it held a lock. It may only `exec` or exit: threads of the parent may have held
/// any lock.
bool rcushims_is_stranded(void);

/// Whether the calling thread is inside a section.
bool rcushims_is_inside(int flavor);

#pragma clang assume_nonnull end

#endif
