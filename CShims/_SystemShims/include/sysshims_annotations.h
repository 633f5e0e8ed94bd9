// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Annotations for ThreadSanitizer, and poison.

#ifndef SYSTEM_SHIMS_ANNOTATIONS_H
#define SYSTEM_SHIMS_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

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
#define SYSSHIMS_TSAN 1
#else
#define SYSSHIMS_TSAN 0
#endif

/// Whether this build carries the annotations. A test compares it with what is linked.
static inline bool sysshims_is_annotated(void) { return SYSSHIMS_TSAN; }

static inline void sysshims_annotate_release(void *tag) {
#if SYSSHIMS_TSAN
  __tsan_release(tag);
#else
  (void)tag;
#endif
}

static inline void sysshims_annotate_acquire(void *tag) {
#if SYSSHIMS_TSAN
  __tsan_acquire(tag);
#else
  (void)tag;
#endif
}

/// Whether memory is poisoned before it is given back: in sanitizer builds always; else if the
/// environment has SWIFT_URCU_POISON=1, or the program asks for it.
/// Written rarely, by whoever debugs; read by whoever reclaims. Access it atomically.
extern _Atomic(bool) sysshims_poison_is_on;

/// Overwrites `count` bytes that nobody uses any more with word stores that ThreadSanitizer sees.
/// Why C, and not inline: the stores must be instrumented code. Swift's `storeBytes` is a call into
/// the standard library, which is not, in unoptimised builds; nor is inline C in a Swift caller.
void sysshims_poison(void *address, size_t count);

/// What poison looks like, word by word.
#define SYSSHIMS_POISON_WORD 0xdeaddeaddeaddeadULL

static inline bool sysshims_poisons(void) {
  return SYSSHIMS_TSAN || __c11_atomic_load(&sysshims_poison_is_on, __ATOMIC_RELAXED);
}

static inline void sysshims_set_poisons(bool is_on) {
  __c11_atomic_store(&sysshims_poison_is_on, is_on, __ATOMIC_RELAXED);
}

#pragma clang assume_nonnull end

#endif
