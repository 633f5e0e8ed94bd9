// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's flavors bp, memb and mb: read sections, grace periods, and a list of the threads that
// read. Why C: thread-local storage of another library, macros, and compiler barriers.
//
// The list (readers.c) is ours, since liburcu's is private: it names the thread that holds up a
// grace period, and lets a child of fork forget the threads that it doesn't have. A thread is on it
// from its first section to its end, at no cost to later sections: liburcu gives a meaning to the
// low bits of a reader's word only, and we keep one bit above them.
//
// | bits of a reader's word | meaning |
// |---|---|
// | 0..<32   | liburcu: how many sections are nested; 0 = outside |
// | 32       | liburcu: phase of the grace period when the outermost one opened |
// | 40       | ours: this thread is on the list |

#ifndef RCU_SHIMS_READERS_H
#define RCU_SHIMS_READERS_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE 1
#endif

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-memb.h>

#include "rcushims_annotations.h"

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

#define RCUSHIMS_LISTED (URCU_GP_CTR_PHASE << 8)
#define RCUSHIMS_STATE_MASK (URCU_GP_CTR_NEST_MASK | RCUSHIMS_LISTED)

/// Stores a reader's word: an ordinary store, which others may look at meanwhile.
#define RCUSHIMS_STORE(word, value) __atomic_store_n(&(word), (value), __ATOMIC_RELAXED)

// MARK: - bp: threads register themselves at first use

/// The first section of a thread, and any that C code has opened around this one.
void rcushims_bp_read_lock_slow(void);

// As liburcu's, but that it keeps the bit, and looks at it together with the nesting.
static inline void rcushims_bp_read_lock(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  if (caa_unlikely(!reader)) {
    rcushims_bp_read_lock_slow();
    return;
  }
  cmm_barrier();
  unsigned long word = reader->ctr;
  if (caa_likely((word & RCUSHIMS_STATE_MASK) == RCUSHIMS_LISTED)) {
    RCUSHIMS_STORE(reader->ctr, _CMM_LOAD_SHARED(urcu_bp_gp.ctr) | RCUSHIMS_LISTED);
    urcu_bp_smp_mb_slave();
  } else if (word & RCUSHIMS_LISTED) {
    RCUSHIMS_STORE(reader->ctr, word + URCU_BP_GP_COUNT);
  } else {
    rcushims_bp_read_lock_slow();
  }
}

static inline void rcushims_bp_read_unlock(void) {
  rcushims_annotate_release(&rcushims_tags[RCUSHIMS_BP]);
  _urcu_bp_read_unlock();
}

// Unlike liburcu's, doesn't register a thread that has never read.
static inline bool rcushims_bp_read_ongoing(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  return reader != NULL && (reader->ctr & URCU_BP_GP_CTR_NEST_MASK) != 0;
}

// MARK: - memb and mb: the caller registers threads

// Each flavor gets the same functions, as liburcu's but for the bit:
//
// read_lock       false: the thread is not registered, and nothing was opened. liburcu would let
//                 it through, and free memory under it. One comparison says that it is outside, on
//                 the list, and was last inside in this phase; what isn't so is looked at then.
// read_lock_slow  the same, for the first section of a thread, or one inside C code's.
// read_unlock     looks once, where liburcu looks twice, whether fences are needed.
#define RCUSHIMS_COUNTING_FLAVOR(flavor, number, needs_fences)                                   \
  bool rcushims_##flavor##_read_lock_slow(void);                                                 \
                                                                                                 \
  static inline bool rcushims_##flavor##_read_lock(void) {                                       \
    struct urcu_reader *reader = &URCU_TLS(urcu_##flavor##_reader);                              \
    cmm_barrier();                                                                               \
    unsigned long inside = _CMM_LOAD_SHARED(urcu_##flavor##_gp.ctr) | RCUSHIMS_LISTED;           \
    unsigned long word = reader->ctr;                                                            \
    if (caa_unlikely(word != inside - URCU_GP_COUNT)) {                                          \
      if (!(word & RCUSHIMS_LISTED)) return rcushims_##flavor##_read_lock_slow();                \
      if (word & URCU_GP_CTR_NEST_MASK) {                                                        \
        RCUSHIMS_STORE(reader->ctr, word + URCU_GP_COUNT);                                       \
        return true;                                                                             \
      }                                                                                          \
    }                                                                                            \
    RCUSHIMS_STORE(reader->ctr, inside);                                                         \
    if (needs_fences) cmm_smp_mb();                                                              \
    cmm_barrier();                                                                               \
    return true;                                                                                 \
  }                                                                                              \
                                                                                                 \
  static inline void rcushims_##flavor##_read_unlock(void) {                                     \
    rcushims_annotate_release(&rcushims_tags[number]);                                           \
    struct urcu_reader *reader = &URCU_TLS(urcu_##flavor##_reader);                              \
    unsigned long word = reader->ctr;                                                            \
    cmm_barrier();                                                                               \
    if (caa_unlikely((word & URCU_GP_CTR_NEST_MASK) != URCU_GP_COUNT)) {                         \
      RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);                                         \
    } else if (needs_fences) {                                                                   \
      cmm_smp_mb();                                                                              \
      RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);                                         \
      cmm_smp_mb();                                                                              \
      urcu_common_wake_up_gp(&urcu_##flavor##_gp);                                               \
    } else {                                                                                     \
      RCUSHIMS_STORE(reader->ctr, word - URCU_GP_COUNT);                                         \
      cmm_barrier();                                                                             \
      urcu_common_wake_up_gp(&urcu_##flavor##_gp);                                               \
    }                                                                                            \
    cmm_barrier();                                                                               \
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

/// `synchronize_rcu`. The thread is in no section.
void rcushims_synchronize(int flavor);

/// Whether a grace period has passed without waiting: true if no thread is inside a section. What was
/// unpublished before the call can then be reused. False where one is, for qsbr, and where readers
/// can't be looked at so.
bool rcushims_pass_grace_period(int flavor);

/// `rcu_register_thread`, and the list. The thread isn't registered.
void rcushims_register_thread(int flavor);

/// `rcu_unregister_thread`, and the list. A thread that ends while it is registered does this by
/// itself.
void rcushims_unregister_thread(int flavor);

/// A thread inside a section that the grace period under way waits for.
struct rcushims_blocking_reader {
  /// The kernel's thread number.
  int32_t thread;
  /// How many sections are nested.
  uint32_t nesting;
};

/// Lists the threads that hold up a grace period of `flavor`, at most `capacity`; returns how many
/// there are. Threads that C code registered and that never read through us are not known.
size_t rcushims_blocking_readers(int flavor, struct rcushims_blocking_reader *_Nullable found,
                                 size_t capacity);

/// How many threads are on the list of `flavor`.
size_t rcushims_listed_thread_count(int flavor);

/// Waits until each thread that is inside a section now has been seen outside, looking every few
/// microseconds, at most for `microseconds`. A hint, not a grace period.
void rcushims_await_readers(int flavor, unsigned microseconds);

// MARK: - fork

/// Called around a fork, by the thread that forks.
struct rcushims_fork_hooks {
  /// Outside of liburcu's locks. May wait for grace periods, and must not keep a lock that is taken
  /// inside a section.
  void (*_Nullable before)(void);
  /// With liburcu's locks, for which it may have waited as long as for a grace period.
  void (*_Nullable lock)(void);
  /// Without them.
  void (*_Nullable after_in_parent)(void);
  void (*_Nullable after_in_child)(void);
};

/// Makes `fork` leave a child that can read, wait for grace periods and register threads: waits for
/// what is under way, and takes the threads that the child doesn't have off liburcu's registries.
/// Once; at the first section or reclaimer at the latest. Other code must not call liburcu's own
/// hooks (urcu_bp_before_fork, urcu_…_call_rcu_before_fork) then.
void rcushims_install_fork_handlers(void);

/// Installs `hooks` and the handlers.
void rcushims_set_fork_hooks(struct rcushims_fork_hooks hooks);

/// Whether this is a child of a fork inside a section of `flavor`: nobody may wait for its grace
/// periods.
bool rcushims_is_lost(int flavor);

/// Whether the calling thread is inside a section.
bool rcushims_is_inside(int flavor);

#pragma clang assume_nonnull end

#endif
