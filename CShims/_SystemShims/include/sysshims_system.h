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

/// Blocks the calling thread's signals, except those that report its own faults (SIGSEGV, SIGBUS,
/// SIGILL, SIGTRAP, SIGFPE, SIGSYS, SIGABRT), and stores the previous mask in `before`, unless that
/// is NULL. A blocked fault would end the process silently, without a handler or a crash report.
/// Why C: Swift imports `sigfillset` and the mask's type differently from each libc.
void sysshims_block_signals(sigset_t *_Nullable before);

/// Starts a thread named `name`, with signals blocked as by `sysshims_block_signals`, so that the
/// program's handlers don't run on it, except those for its own faults. Returns 0 or an errno. The
/// stack has at least `stack_bytes` bytes; 0 leaves the size to the system. Why C: Swift imports
/// `pthread_setname_np` and `sigfillset` differently from each libc, and the mask must be set
/// before the thread exists.
int sysshims_start_thread(pthread_t *thread, const char *name, size_t stack_bytes,
                          void *_Nullable (*_Nonnull body)(void *_Nullable),
                          void *_Nullable context);

/// How many of this library's locks the calling thread holds, is about to take, or has just
/// released. By this, a signal handler that forks finds out whether it has interrupted the library.
/// Why C: thread-local storage.
extern __thread unsigned sysshims_locks_held;

static inline void sysshims_enter_lock(void) {
  sysshims_locks_held += 1;
  // A handler that runs now finds the lock counted.
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void sysshims_leave_lock(void) {
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  sysshims_locks_held -= 1;
}

/// The pointer whose `update` is running on the calling thread, the innermost if nested; NULL if
/// there is none. If a body replaced that pointer's pointee, `update` would run it again for ever.
/// Why C: thread-local storage.
extern __thread const void *_Nullable sysshims_updated_pointer;

static inline const void *_Nullable sysshims_updating(void) { return sysshims_updated_pointer; }
static inline void sysshims_set_updating(const void *_Nullable pointer) {
  sysshims_updated_pointer = pointer;
}

/// How often a fork has copied this process's memory: 0 in a process that `exec` started. Why C:
/// Swift's overlay hides pthread_atfork, and counting must begin at the start.
extern _Atomic(uint32_t) sysshims_forks;

static inline uint32_t sysshims_fork_count(void) {
  return __c11_atomic_load(&sysshims_forks, __ATOMIC_RELAXED);
}

/// Tells the processor that the caller waits for another thread by looking at memory again and
/// again. Why C: an instruction of the processor.
static inline void sysshims_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Joins `thread`, waiting for at most `milliseconds`. Returns 0 or ETIMEDOUT.
int sysshims_join_thread(pthread_t thread, unsigned milliseconds);

/// Makes the calling thread's short sleeps end on time, instead of up to 50 µs later. Why C: prctl
/// is variadic.
void sysshims_make_sleeps_exact(void);

/// Makes the calling thread, whenever it is woken, wait until a processor is free or another
/// thread's time slice ends: it never preempts the thread that wakes it. Why C: glibc declares
/// SCHED_BATCH under _GNU_SOURCE only.
void sysshims_never_preempt(void);

/// The monotonic clock's time in nanoseconds. Why C: the call needs no type metadata; the reclaimer
/// makes it for every batch.
uint64_t sysshims_now(void);

/// Initialises a condition variable whose timed waits use the clock of `sysshims_now`.
int sysshims_condition_init(pthread_cond_t *condition);

/// Waits on `condition` until `deadline`, in nanoseconds of `sysshims_now`. Returns 0 or ETIMEDOUT.
int sysshims_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline);

/// Initialises a readers-writer lock; it prefers writers if `prefers_writers`. Why C: the constants
/// for the kind are an anonymous enum under _GNU_SOURCE.
int sysshims_rwlock_init(pthread_rwlock_t *lock, bool prefers_writers);

/// Writes `text` to standard error in one call, without taking a lock of stdio.
void sysshims_write_error(const char *text, size_t count);

/// Describes the code at `address`: its symbol, or else its file and the offset in that file.
/// Writes at most `count` bytes, including the 0 at the end. Why C: glibc declares dladdr under
/// _GNU_SOURCE only.
void sysshims_describe_code(uintptr_t address, char *text, size_t count);

// MARK: - The processor

/// Whether the processor has protection keys and the kernel has enabled them (OSPKE): then
/// execute-only memory can't be read. False on processors other than x86-64. Why C: it takes a
/// special instruction.
bool sysshims_has_protection_keys(void);

// MARK: - Memory

/// The size of a page in bytes.
size_t sysshims_page_bytes(void);

/// Backs the whole pages of the given memory, which the caller owns and hasn't used yet, with
/// frames at once. Where the system can't do that, the first write to each page does. Why C: not
/// every header has the constant.
void sysshims_populate(void *address, size_t count);

// MARK: - The kernel's own maps

/// Whether the kernel makes an open file: one of the proc file system.
bool sysshims_is_of_proc(int descriptor);

/// PROCMAP_QUERY on an open /proc/PID/maps. Returns 0, or -1 with errno set. Why C: ioctl is
/// variadic.
int sysshims_procmap_query(int descriptor, void *query);

/// The calling thread's errno. Why C: errno is a macro.
static inline int sysshims_errno(void) { return errno; }

/// Copies `count` bytes to `target`, an address that the caller has as a number. Returns 0, or
/// EFAULT if the target isn't writable, as the kernel's copy_to_user does. Why C: a bad address
/// must give an error, not a signal; `process_vm_writev` on the process itself does that.
int sysshims_copy_to_user(uint64_t target, const void *source, size_t count);

/// Starts to prefetch `count` bytes for writing, from `address`, the start of a cache line. This
/// isn't an access: any address will do, and memory doesn't change. Why C: Swift has no prefetch.
/// Why assembler: the compiler emits prefetches for writing only if it is told that the processor
/// has them; processors that don't have the instruction ignore it.
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
