// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's flavor qsbr. An online thread is always inside what liburcu calls a section, until it
// announces a quiescent state, so liburcu can't tell whether a section of ours is open. A word of
// our own can: with it, a thread traps that announces a quiescent state, waits or goes offline
// inside a section, or that reads unregistered or offline.
//
// | our word | meaning |
// |---|---|
// | 0        | not registered, or offline: must not read |
// | 1        | online, in no section |
// | n > 1    | n - 1 sections are nested |

#ifndef RCU_SHIMS_QSBR_H
#define RCU_SHIMS_QSBR_H

#include "rcushims_readers.h"

#pragma clang assume_nonnull begin

// These are called as functions, since inlining them gains nothing: ThreadSanitizer would see only
// the half of liburcu's accesses to its threads' words that is compiled here, and report it.
#undef urcu_qsbr_thread_offline
#undef urcu_qsbr_thread_online
extern void urcu_qsbr_thread_offline(void);
extern void urcu_qsbr_thread_online(void);

/// Written by its own thread. Read by that thread, and by others that ask who holds up a grace
/// period.
extern __thread uint32_t rcushims_qsbr_state;

/// Returns false if the thread may not read.
static inline bool rcushims_qsbr_read_lock(void) {
  // The usual case stores a constant, so that a section doesn't wait for the last one's store.
  uint32_t state = __atomic_load_n(&rcushims_qsbr_state, __ATOMIC_RELAXED);
  if (caa_likely(state == 1)) {
    __atomic_store_n(&rcushims_qsbr_state, 2, __ATOMIC_RELAXED);
  } else {
    if (state == 0) return false;
    __atomic_store_n(&rcushims_qsbr_state, state + 1, __ATOMIC_RELAXED);
  }
  cmm_barrier();
  return true;
}

static inline void rcushims_qsbr_read_unlock(void) {
  cmm_barrier();
  uint32_t state = __atomic_load_n(&rcushims_qsbr_state, __ATOMIC_RELAXED);
  if (caa_likely(state == 2)) {
    __atomic_store_n(&rcushims_qsbr_state, 1, __ATOMIC_RELAXED);
  } else {
    __atomic_store_n(&rcushims_qsbr_state, state - 1, __ATOMIC_RELAXED);
  }
}

static inline bool rcushims_qsbr_read_ongoing(void) { return rcushims_qsbr_state > 1; }

/// Whether the thread is online and in no section.
static inline bool rcushims_qsbr_is_between_sections(void) { return rcushims_qsbr_state == 1; }

static inline bool rcushims_qsbr_is_registered(void) {
  return URCU_TLS(urcu_qsbr_reader).registered;
}

/// The thread must be online and in no section.
static inline void rcushims_qsbr_quiescent_state(void) {
  sysshims_annotate_release(&rcushims_tags[RCUSHIMS_QSBR]);
  _urcu_qsbr_quiescent_state();
}

/// The thread must be online and in no section.
static inline void rcushims_qsbr_go_offline(void) {
  // If a signal handler forked between these steps, it would take the thread for offline and wait
  // for it.
  sysshims_enter_lock();
  sysshims_annotate_release(&rcushims_tags[RCUSHIMS_QSBR]);
  __atomic_store_n(&rcushims_qsbr_state, 0, __ATOMIC_RELAXED);
  urcu_qsbr_thread_offline();
  sysshims_leave_lock();
}

/// The thread must be registered and offline.
static inline void rcushims_qsbr_go_online(void) {
  sysshims_enter_lock();
  urcu_qsbr_thread_online();
  __atomic_store_n(&rcushims_qsbr_state, 1, __ATOMIC_RELAXED);
  sysshims_leave_lock();
}

#pragma clang assume_nonnull end

#endif
