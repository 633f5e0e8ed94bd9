// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's flavors bp, memb and mb: read sections, grace periods, and a registry of the threads
// that read. Why C: thread-local storage of another library, macros, and compiler barriers.
//
// The registry of readers (registry.c) is ours, since liburcu's is private: it names the thread
// that holds up a grace period, lets a child of fork forget the threads that it doesn't have, and
// shows a writer that scans it now and then that all readers have left their sections. A thread is
// in it from its first section to its end, at no cost to later sections: liburcu gives a meaning to
// the low bits of a reader's word only, and we keep three bits and a number above them.
//
// | bits of a reader's word | meaning |
// |---|---|
// | 0..<32   | liburcu: how many sections are nested; 0 = outside |
// | 32       | liburcu: phase of the grace period when the outermost one opened |
// | 33..<40  | ours: the number of the copy of this library that wrote the bits above, see copies.c |
// | 40       | ours, *light*: registered; this section, and the next one, have no fence but liburcu's |
// | 41       | ours, *fenced*: registered; this section began with a fence, and so will the next one |
// | 42       | ours, *snapshot*: a fenced section that follows only pointers loaded before the next stamp |
// | 43..<64  | ours: the stamp when the outermost one opened, its low bits |
//
// A writer that scans the words of light threads must interrupt the processors that they may run on
// (membarrier), or it may miss a section that has just begun. It needn't for fenced ones, which pay
// for that with a few nanoseconds in each section: nothing beside a long one, but as much as half
// of a short one. So a thread becomes fenced by a long section, and light by many short ones in a
// row; but with bp and memb never where the system has no membarrier.
//
// A snapshot section loads its pointers at its beginning, and begins again if somebody has scanned
// the readers meanwhile, without having followed them. So it can't come upon what is published
// after it began. What is made later than that, and replaced again, needn't wait for its end,
// however long that takes (interval-based reclamation: Wen et al., PPoPP 2018; the interval's upper
// end alone).

#ifndef RCU_SHIMS_READERS_H
#define RCU_SHIMS_READERS_H

#include <_SystemShims.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rcushims_liburcu.h"

#pragma clang assume_nonnull begin

/// Numbers of the flavors, for what is written once for all of them.
enum {
  RCUSHIMS_BP = 0,
  RCUSHIMS_MEMB = 1,
  RCUSHIMS_MB = 2,
  RCUSHIMS_QSBR = 3,
  RCUSHIMS_FLAVOR_COUNT = 4
};

/// Tags of the annotations, one per flavor.
extern char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];

#define RCUSHIMS_LIGHT (URCU_GP_CTR_PHASE << 8)
/// The step from the number of a copy of this library to the next one, and all bits of it.
#define RCUSHIMS_NEXT_COPY (URCU_GP_CTR_PHASE << 1)
#define RCUSHIMS_COPY (RCUSHIMS_LIGHT - RCUSHIMS_NEXT_COPY)
#define RCUSHIMS_FENCED (RCUSHIMS_LIGHT << 1)
#define RCUSHIMS_SEALED (RCUSHIMS_LIGHT << 2)
/// The step from a stamp to the next one.
#define RCUSHIMS_NEXT_STAMP (RCUSHIMS_LIGHT << 3)

/// What sections of a flavor's light threads have in their words, beside what is liburcu's: the
/// stamp.
///
/// Scans advance it: a thread whose word has another stamp than at an earlier scan has left the
/// section that it was in then. Copied, not counted by readers: what a section stores doesn't have
/// to wait for what the one before it has stored.
struct rcushims_stamp {
  /// Its low bits, with the number of this copy of the library: another copy's words are never
  /// taken for ours.
  unsigned long light;
  /// All of it. From 1, and doesn't wrap around.
  uint64_t number;
} __attribute__((aligned(128)));

extern struct rcushims_stamp rcushims_stamps[RCUSHIMS_FLAVOR_COUNT];

/// Stores a reader's word: an ordinary store, which others may look at meanwhile.
#define RCUSHIMS_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)
#define RCUSHIMS_LOAD(word) __atomic_load_n(&(word), __ATOMIC_RELAXED)

// MARK: - bp: threads register themselves at first use

/// A section of a thread that isn't light: a fenced one, one that hasn't read yet, or whose last
/// section was C code's, or another copy's of this library.
void rcushims_bp_read_lock_slow(void);

/// A section that lasts so long that a fence is nothing beside it. Not in a signal handler: it
/// might come between the steps of a light section that begins, which would lose its place.
void rcushims_bp_read_lock_fenced(void);

/// A long section that is a snapshot section: it loads pointers, by acquiring loads, and then
/// follows them if `rcushims_is_snapshot_section` of the returned number, or leaves. Within another
/// section, a long one. Sections that are opened within it may load what they like: the first of
/// them undoes the seal. Returns the stamp.
uint64_t rcushims_bp_read_lock_snapshot(void);

/// What is returned for a section that isn't a snapshot section.
#define RCUSHIMS_UNSEALED UINT64_MAX

/// Whether pointers that have been loaded since the section began may be followed.
static inline bool rcushims_is_snapshot_section(int flavor, uint64_t number) {
  return number == RCUSHIMS_LOAD(rcushims_stamps[flavor].number) || number == RCUSHIMS_UNSEALED;
}

// As liburcu's, but for our bits, which are looked at together with the nesting.
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

// Unlike liburcu's, doesn't register a thread that has never read.
static inline bool rcushims_bp_read_ongoing(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  return reader != NULL && (reader->ctr & URCU_BP_GP_CTR_NEST_MASK) != 0;
}

// MARK: - memb and mb: the caller registers threads

/// As liburcu's, but for our bits. `inside`: the word of a section that begins now, with our stamp.
/// One comparison says that the thread is outside, light, and was last inside with this stamp, in
/// this phase; what isn't so is sorted out after it, or by the slow path. Returns false if the
/// thread is not registered, and nothing was opened: liburcu would let it through, and free memory
/// under it.
__attribute__((always_inline)) static inline bool rcushims_counting_lock(struct urcu_reader *reader,
                                                                         unsigned long inside, bool is_fenced,
                                                                         bool (*slow)(void)) {
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

/// Looks once, where liburcu looks twice, whether fences are needed.
__attribute__((always_inline)) static inline void rcushims_counting_unlock(struct urcu_reader *reader,
                                                                           struct urcu_gp *gp, bool needs_fences) {
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

// Each flavor gets the same functions. Those that aren't inline do as bp's; 0 for a thread that
// isn't registered.
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

// MARK: - Every flavor, by its number

/// For debug builds: a number for the calling thread's outermost section, that no other section has
/// had. Called at the beginning of each section.
uint64_t rcushims_section_token(int flavor);

/// For debug builds: whether the section with that number is open on the calling thread.
bool rcushims_is_section_open(int flavor, uint64_t token);

/// `synchronize_rcu`. The thread is in no section.
void rcushims_synchronize(int flavor);

/// A thread that is in a snapshot section.
struct rcushims_snapshot_reader {
  /// The stamp of the scan that found the thread in this section first.
  uint64_t since;
  /// The stamp when the section began.
  uint64_t stamp;
};

/// A thread that is inside a section; with qsbr, one that holds up a grace period.
struct rcushims_inside_reader {
  /// The stamp of the scan that found the thread in this section first; the largest number with
  /// qsbr.
  uint64_t since;
  /// The kernel's thread number.
  int32_t thread;
  /// How many sections are nested.
  uint32_t nesting;
  /// Whether the grace period waits for it that liburcu has under way.
  bool holds_up;
};

#define RCUSHIMS_SNAPSHOT_READERS_MAX 8
#define RCUSHIMS_INSIDE_READERS_MAX 16

/// What a scan of the reader registry has found.
struct rcushims_reader_scan {
  uint64_t stamp;
  /// The stamp of the scan that found the first of those who are inside in the section where they
  /// still are; the largest number if nobody is inside, and 0 where that can't be told: qsbr, and a
  /// domain that is lost in a child.
  uint64_t oldest;
  /// The same without those in `snapshot`.
  uint64_t oldest_open;
  /// Threads that are in snapshot sections; more than fit are taken for others.
  struct rcushims_snapshot_reader snapshot[RCUSHIMS_SNAPSHOT_READERS_MAX];
  size_t snapshot_count;
  /// Threads that are inside, as many as fit. Threads that C code registered and that never read
  /// through us are not known.
  struct rcushims_inside_reader inside[RCUSHIMS_INSIDE_READERS_MAX];
  size_t inside_count;
  /// Threads in the registry.
  size_t reader_count;
};

/// The beginning of a grace period that is polled.
struct rcushims_cookie {
  /// The stamp of its scan, at least 1; 0: none, for qsbr and where readers can't be scanned so.
  uint64_t stamp;
  /// Nanoseconds that the interruption of other threads took; 0 if none was needed.
  uint64_t interruption;
};

/// Starts a grace period, and says who is inside: `start_poll_synchronize_rcu`. Waits for nobody's
/// section. Interrupts the other threads of the process that run, if some thread is light; threads
/// that enter the registry wait for that. Takes as long as the registry is.
struct rcushims_cookie rcushims_start_grace_period(int flavor, struct rcushims_reader_scan *scan);

/// Scans who is inside, for any number of cookies. Waits for nobody's section, and takes as long as
/// the registry is.
void rcushims_scan_readers(int flavor, struct rcushims_reader_scan *scan);

/// Whether the cookie's grace period had ended at the scan: what was unpublished before it was
/// started can be reused. `poll_state_synchronize_rcu`.
static inline bool rcushims_has_passed(const struct rcushims_reader_scan *scan, struct rcushims_cookie cookie) {
  return cookie.stamp < scan->oldest;
}

/// The same for what was published after `earlier` had been started.
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

/// Stamps at which snapshot sections began.
struct rcushims_snapshot_stamps {
  uint64_t first;
  uint64_t last;
};

/// Of the snapshot sections that have been open since the scan with the stamp `since`, or for
/// longer; the largest number and 0 if there are none.
static inline struct rcushims_snapshot_stamps rcushims_snapshot_since(const struct rcushims_reader_scan *scan,
                                                                  uint64_t since) {
  struct rcushims_snapshot_stamps stamps = {.first = UINT64_MAX, .last = 0};
  for (size_t index = 0; index < scan->snapshot_count; index += 1) {
    const struct rcushims_snapshot_reader *reader = &scan->snapshot[index];
    if (reader->since > since) continue;
    if (reader->stamp < stamps.first) stamps.first = reader->stamp;
    if (reader->stamp > stamps.last) stamps.last = reader->stamp;
  }
  return stamps;
}

/// Whether the calling thread may read: with bp, any may.
bool rcushims_is_registered(int flavor);

/// `rcu_register_thread`, and our registry. The thread isn't registered.
void rcushims_register_thread(int flavor);

/// `rcu_unregister_thread`, and our registry. A thread that ends while it is registered does this
/// by itself.
void rcushims_unregister_thread(int flavor);

// MARK: - fork

/// Called around a fork, by the thread that forks.
struct rcushims_fork_hooks {
  /// Outside of liburcu's locks. May wait for grace periods, and must not keep a lock that is taken
  /// inside a section.
  void (*_Nonnull before)(void);
  /// With liburcu's locks, for which it may have waited as long as for a grace period.
  void (*_Nonnull lock)(void);
  /// Without them.
  void (*_Nonnull after_in_parent)(void);
  void (*_Nonnull after_in_child)(void);
};

/// Makes `fork` leave a child that can read, wait for grace periods and register threads: waits for
/// what is under way, and takes the threads that the child doesn't have off liburcu's registries.
/// Once; at the first section or reclaimer at the latest. From then on the library that this copy
/// is linked into can't be unloaded. Other code must not call liburcu's own hooks
/// (urcu_bp_before_fork, urcu_…_call_rcu_before_fork) then.
void rcushims_install_fork_handlers(void);

/// Installs `hooks`, if there are none yet, and the handlers. What the hooks look after comes later
/// than this. The caller holds no lock that they take: a fork may be under way, and have come too
/// far for them.
void rcushims_set_fork_hooks(struct rcushims_fork_hooks hooks);

/// Whether this is a child of a fork inside a section of `flavor`, or in a signal handler that had
/// interrupted this library: nobody may wait for its grace periods.
bool rcushims_is_lost(int flavor);

/// Whether this is a child of a fork in a signal handler that had interrupted this library, between
/// a lock and its release. It may `exec` or exit: other threads of its parent may have held any
/// lock.
bool rcushims_is_stranded(void);

/// Whether the calling thread is inside a section.
bool rcushims_is_inside(int flavor);

#pragma clang assume_nonnull end

#endif
