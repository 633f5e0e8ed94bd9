// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Annotations for ThreadSanitizer, and poison for freed memory.

#ifndef SYSTEM_SHIMS_ANNOTATIONS_H
#define SYSTEM_SHIMS_ANNOTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

// The distribution's liburcu isn't instrumented, so ThreadSanitizer doesn't know that the end of a
// read section happens before `synchronize` returns. These two calls tell it: release on the
// flavor's tag before the outermost unlock, acquire on the tag after the grace period. In inline C
// that is imported into Swift, Clang reports `__has_feature(thread_sanitizer)` as 0, so a macro of
// our own switches them on: `swift build --sanitize=thread -Xcc -DSWIFT_URCU_TSAN=1`
//
// They may go when the oldest supported liburcu is 0.15 or later, which has its own.
#if defined(SWIFT_URCU_TSAN) && SWIFT_URCU_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define SYSSHIMS_TSAN 1
#else
#define SYSSHIMS_TSAN 0
#endif

/// Whether this build has the annotations. A test compares this with what is linked.
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

/// Whether `sysshims_copy_words` copies many words at a time. Elsewhere, copy word by word, with
/// atomic accesses: on other processors, whose order is weaker, and under ThreadSanitizer, which
/// must see them.
static inline bool sysshims_copies_wide(void) {
#if defined(__x86_64__) && !SYSSHIMS_TSAN
  return true;
#else
  return false;
#endif
}

/// Copies words that other threads may be writing, or reading. Each word is loaded and stored as a
/// whole; the loads acquire, in the order of the addresses, and the stores release. Why C: in
/// assembly, so that wide loads are no data race for the compiler. x86 does loads in order, and
/// stores too, and never tears an aligned word of a vector.
static inline void sysshims_copy_words(void *target, const void *source, size_t count) {
#if defined(__x86_64__)
  size_t blocks = count / 8;
  if (blocks > 0) {
    __asm__ volatile(
        "1:\n\t"
        "movdqu (%[source]), %%xmm0\n\t"
        "movdqu 16(%[source]), %%xmm1\n\t"
        "movdqu 32(%[source]), %%xmm2\n\t"
        "movdqu 48(%[source]), %%xmm3\n\t"
        "movdqu %%xmm0, (%[target])\n\t"
        "movdqu %%xmm1, 16(%[target])\n\t"
        "movdqu %%xmm2, 32(%[target])\n\t"
        "movdqu %%xmm3, 48(%[target])\n\t"
        "add $64, %[source]\n\t"
        "add $64, %[target]\n\t"
        "dec %[blocks]\n\t"
        "jnz 1b"
        : [source] "+r"(source), [target] "+r"(target), [blocks] "+r"(blocks)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "cc", "memory");
  }
  count %= 8;
#endif
  unsigned long long *to = target;
  const unsigned long long *from = source;
  for (size_t index = 0; index < count; index += 1) {
    unsigned long long word = __atomic_load_n(from + index, __ATOMIC_ACQUIRE);
    __atomic_store_n(to + index, word, __ATOMIC_RELEASE);
  }
}

/// Whether memory is poisoned before it is given back: always in sanitizer builds; otherwise if the
/// environment has SWIFT_URCU_POISON=1, or if the program asks for it. Written rarely, for
/// debugging; read by every thread that reclaims. Access it atomically.
extern _Atomic(bool) sysshims_poison_is_on;

/// Overwrites `count` bytes that nobody uses any more, with word stores that ThreadSanitizer sees.
/// Why C, and not inline: the stores must be in instrumented code. In unoptimised builds, Swift's
/// `storeBytes` calls the standard library, which isn't instrumented, nor is inline C in a Swift
/// caller.
void sysshims_poison(void *address, size_t count);

/// The word that poisoned memory is filled with.
#define SYSSHIMS_POISON_WORD 0xdeaddeaddeaddeadULL

static inline bool sysshims_poisons(void) {
  return SYSSHIMS_TSAN || __c11_atomic_load(&sysshims_poison_is_on, __ATOMIC_RELAXED);
}

static inline void sysshims_set_poisons(bool is_on) {
  __c11_atomic_store(&sysshims_poison_is_on, is_on, __ATOMIC_RELAXED);
}

#pragma clang assume_nonnull end

#endif
