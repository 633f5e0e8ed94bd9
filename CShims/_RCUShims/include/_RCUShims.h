// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift can't say for itself, as `static inline` C that compiles into the
// Swift caller. Each function names why it is here and when it may go.
//
// This target defines _LGPL_SOURCE to inline liburcu's read side (each function
// under ten lines, see NOTICE), hence its licence.

#ifndef RCU_SHIMS_H
#define RCU_SHIMS_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE 1
#endif

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <urcu/urcu-bp.h>
#include <urcu/urcu-memb.h>

#pragma clang assume_nonnull begin

// MARK: - Annotations for ThreadSanitizer

// The distribution's liburcu is not instrumented, so ThreadSanitizer sees no edge
// from the end of a read section to the return of `synchronize`. These two calls
// draw it: release on the flavor's tag before the outermost unlock, acquire on the
// tag after the grace period. Clang reports `__has_feature(thread_sanitizer)` as 0
// in inline C that is imported into Swift, so a macro of our own switches them:
//   swift build --sanitize=thread -Xcc -DSWIFT_URCU_TSAN=1
// They may go when liburcu 0.15 or later, which has its own, is the oldest supported.
#if defined(SWIFT_URCU_TSAN) && SWIFT_URCU_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define RCUSHIMS_TSAN 1
#else
#define RCUSHIMS_TSAN 0
#endif

extern char rcushims_bp_tag;
extern char rcushims_memb_tag;

/// Whether this build carries the annotations. A test compares it with what is linked.
static inline bool rcushims_is_annotated(void) { return RCUSHIMS_TSAN; }

/// Whether ThreadSanitizer's runtime is linked into this process.
bool rcushims_has_tsan_runtime(void);

static inline void rcushims_annotate_release(void *tag) {
#if RCUSHIMS_TSAN
  __tsan_release(tag);
#else
  (void)tag;
#endif
}

static inline void rcushims_annotate_acquire(void *tag) {
#if RCUSHIMS_TSAN
  __tsan_acquire(tag);
#else
  (void)tag;
#endif
}

/// Overwrites `count` bytes that nobody uses any more with word stores that ThreadSanitizer sees.
/// Why C, and not inline: the stores must be instrumented code. Swift's `storeBytes` is a call into
/// the standard library, which is not, in unoptimised builds; nor is inline C in a Swift caller.
void rcushims_poison(void *address, size_t count);

// MARK: - bp: threads register themselves at first use

// Why C: thread-local storage of another library, macros, and compiler barriers.
static inline void rcushims_bp_read_lock(void) { _urcu_bp_read_lock(); }

static inline void rcushims_bp_read_unlock(void) {
#if RCUSHIMS_TSAN
  rcushims_annotate_release(&rcushims_bp_tag);
#endif
  _urcu_bp_read_unlock();
}

static inline bool rcushims_bp_read_ongoing(void) {
  return _urcu_bp_read_ongoing() != 0;
}

static inline void rcushims_bp_synchronize(void) {
  urcu_bp_synchronize_rcu();
  rcushims_annotate_acquire(&rcushims_bp_tag);
}

// MARK: - memb: the caller registers threads

static inline bool rcushims_memb_is_registered(void) {
  return URCU_TLS(urcu_memb_reader).registered;
}

// liburcu would let an unregistered reader through and free memory under it.
static inline void rcushims_memb_read_lock(void) { _urcu_memb_read_lock(); }

static inline void rcushims_memb_read_unlock(void) {
#if RCUSHIMS_TSAN
  rcushims_annotate_release(&rcushims_memb_tag);
#endif
  _urcu_memb_read_unlock();
}

static inline bool rcushims_memb_read_ongoing(void) {
  return _urcu_memb_read_ongoing() != 0;
}

static inline void rcushims_memb_synchronize(void) {
  urcu_memb_synchronize_rcu();
  rcushims_annotate_acquire(&rcushims_memb_tag);
}

static inline void rcushims_memb_register_thread(void) { urcu_memb_register_thread(); }
static inline void rcushims_memb_unregister_thread(void) { urcu_memb_unregister_thread(); }

// MARK: - Threads

/// Starts a thread named `name` with every signal blocked, so that no handler of the
/// program runs on it. Returns 0 or an errno.
/// Why C: Swift imports neither `pthread_setname_np`'s nor `sigfillset`'s macros alike on
/// every libc, and the mask must be set before the thread exists.
int rcushims_start_thread(pthread_t *thread, const char *name,
                          void *_Nullable (*_Nonnull body)(void *_Nullable),
                          void *_Nullable context);

/// Joins `thread`, waiting at most `milliseconds`. Returns 0, or ETIMEDOUT.
int rcushims_join_thread(pthread_t thread, unsigned milliseconds);

/// A readers-writer lock that prefers writers when `prefers_writers`.
/// Why C: the kind's constants are an anonymous enum under _GNU_SOURCE.
int rcushims_rwlock_init(pthread_rwlock_t *lock, bool prefers_writers);

// MARK: - The kernel's own maps

/// PROCMAP_QUERY on an open /proc/PID/maps. Returns 0 or -1 with errno.
/// Why C: ioctl is variadic.
int rcushims_procmap_query(int descriptor, void *query);

/// This thread's errno.
/// Why C: errno is a macro.
static inline int rcushims_errno(void) { return errno; }

/// Copies `count` bytes to `target`, an address given by a caller as a number.
/// Returns 0, or EFAULT where it is not writable, as the kernel's copy_to_user does.
/// Why C: an address that faults must give an error, not a signal; the kernel's own
/// `process_vm_writev` on ourselves does that.
int rcushims_copy_to_user(uint64_t target, const void *source, size_t count);

#pragma clang assume_nonnull end

#endif
