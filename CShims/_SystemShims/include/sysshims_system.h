// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Threads, time and the kernel's own maps.

#ifndef SYSTEM_SHIMS_SYSTEM_H
#define SYSTEM_SHIMS_SYSTEM_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#pragma clang assume_nonnull begin

// MARK: - Threads and time

/// Blocks the calling thread's signals but those that tell of its own faults (SIGSEGV, SIGBUS,
/// SIGILL, SIGTRAP, SIGFPE, SIGSYS, SIGABRT), and keeps which were blocked `before`, unless that is
/// NULL. A blocked fault would end the process without a word: no handler, no crash report. Why C:
/// Swift imports `sigfillset` and the mask's type differently on every libc.
void sysshims_block_signals(sigset_t *_Nullable before);

/// Starts a thread named `name` with signals blocked as by `sysshims_block_signals`, so that no
/// handler of the program runs on it but those of its own faults. Returns 0 or an errno.
/// `stack_bytes`: 0 for the system's choice; else at least that many.
/// Why C: Swift imports neither `pthread_setname_np`'s nor `sigfillset`'s macros alike on
/// every libc, and the mask must be set before the thread exists.
int sysshims_start_thread(pthread_t *thread, const char *name, size_t stack_bytes,
                          void *_Nullable (*_Nonnull body)(void *_Nullable),
                          void *_Nullable context);

/// How many locks of this library the calling thread has, is about to take or has just released. A
/// signal handler that forks finds out by this whether it has interrupted the library. Why C:
/// thread-local storage.
extern __thread unsigned sysshims_locks_held;

static inline void sysshims_enter_lock(void) {
  sysshims_locks_held += 1;
  // A handler that comes now finds it counted.
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void sysshims_leave_lock(void) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  sysshims_locks_held -= 1;
}

/// The pointer whose update runs on the calling thread, innermost; NULL: none. A body that replaces
/// it would begin again for ever. Why C: thread-local storage.
extern __thread const void *_Nullable sysshims_updated_pointer;

static inline const void *_Nullable sysshims_updating(void) { return sysshims_updated_pointer; }
static inline void sysshims_set_updating(const void *_Nullable pointer) {
  sysshims_updated_pointer = pointer;
}

/// How often this process's memory has been copied by a fork: 0 in a process that `exec` began.
/// Why C: Swift's overlay hides the handlers of fork's, and this must be counted from the start.
extern _Atomic(uint32_t) sysshims_forks;

static inline uint32_t sysshims_fork_count(void) {
  return __c11_atomic_load(&sysshims_forks, __ATOMIC_RELAXED);
}

/// Joins `thread`, waiting at most `milliseconds`. Returns 0, or ETIMEDOUT.
int sysshims_join_thread(pthread_t thread, unsigned milliseconds);

/// Lets the calling thread's short sleeps end on time, not up to 50 µs later.
/// Why C: prctl is variadic.
void sysshims_make_sleeps_exact(void);

/// Lets the calling thread, when it is woken, wait until a processor is free or another thread's
/// time is over: it never takes the place of the thread that wakes it. Why C: glibc declares
/// SCHED_BATCH under _GNU_SOURCE only.
void sysshims_never_preempt(void);

/// Nanoseconds of the monotonic clock.
/// Why C: a call without a type's metadata, for the reclaimer's every batch.
uint64_t sysshims_now(void);

/// Initialises a condition variable whose timed waits are in `sysshims_now`'s time.
int sysshims_condition_init(pthread_cond_t *condition);

/// Waits on `condition` until `deadline`, in nanoseconds of `sysshims_now`. Returns 0 or ETIMEDOUT.
int sysshims_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline);

/// A readers-writer lock that prefers writers when `prefers_writers`.
/// Why C: the kind's constants are an anonymous enum under _GNU_SOURCE.
int sysshims_rwlock_init(pthread_rwlock_t *lock, bool prefers_writers);

/// Writes `text` to standard error as one piece, without a lock of stdio's.
void sysshims_write_error(const char *text, size_t count);

/// Names the code at `address`: its symbol, or else its file and the distance from that file's
/// beginning. At most `count` bytes with the 0 at the end. Why C: glibc declares dladdr under
/// _GNU_SOURCE only.
void sysshims_describe_code(uintptr_t address, char *text, size_t count);

// MARK: - The processor

/// Whether the processor has protection keys and the kernel has switched them on (OSPKE): then
/// memory that is only executable can't be read. False on processors other than x86-64. Why C: an
/// instruction.
bool sysshims_has_protection_keys(void);

// MARK: - Memory

/// Bytes of a page.
size_t sysshims_page_bytes(void);

/// Gives the whole pages of memory that the caller has, and hasn't used, their frames at once.
/// Where the system can't, the first write to each does. Why C: the constant is not in every
/// header.
void sysshims_populate(void *address, size_t count);

// MARK: - The kernel's own maps

/// PROCMAP_QUERY on an open /proc/PID/maps. Returns 0 or -1 with errno.
/// Why C: ioctl is variadic.
int sysshims_procmap_query(int descriptor, void *query);

/// This thread's errno.
/// Why C: errno is a macro.
static inline int sysshims_errno(void) { return errno; }

/// Copies `count` bytes to `target`, an address given by a caller as a number.
/// Returns 0, or EFAULT where it is not writable, as the kernel's copy_to_user does.
/// Why C: an address that faults must give an error, not a signal; the kernel's own
/// `process_vm_writev` on ourselves does that.
int sysshims_copy_to_user(uint64_t target, const void *source, size_t count);

/// Begins to fetch `count` bytes from `address` on, a cache line's start, for writing. No access:
/// any address will do, and what is there doesn't change. Why C: Swift has no prefetch. Why
/// assembler: the compiler prefetches for writing only where it is told that the processor knows
/// how to; those that don't take the instruction for none.
static inline void sysshims_prefetch_for_writing(uintptr_t address, size_t count) {
  for (size_t offset = 0; offset < count; offset += 64) {
    const char *line = (const char *)(address + offset);
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*line));
#else
    __builtin_prefetch(line, 1);
#endif
  }
}

/// The same for reading.
static inline void sysshims_prefetch(uintptr_t address, size_t count) {
  for (size_t offset = 0; offset < count; offset += 64) {
    __builtin_prefetch((const char *)(address + offset));
  }
}

#pragma clang assume_nonnull end

#endif
