// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "_SystemShims.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <dlfcn.h>
#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

_Atomic(bool) sysshims_poison_is_on;
_Atomic(uint32_t) sysshims_forks;

static void count_fork(void) {
  __c11_atomic_fetch_add(&sysshims_forks, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void count_forks(void) {
  (void)pthread_atfork(NULL, NULL, count_fork);
}

__attribute__((constructor)) static void read_poison_setting(void) {
  const char *setting = getenv("SWIFT_URCU_POISON");
  if (setting != NULL && strcmp(setting, "1") == 0) sysshims_set_poisons(true);
}

void sysshims_poison(void *address, size_t count) {
  // Volatile, so that the compiler doesn't turn the loops into memset.
  volatile uint64_t *words = address;
  size_t word_count = count / sizeof *words;
  for (size_t index = 0; index < word_count; index += 1) words[index] = SYSSHIMS_POISON_WORD;
  volatile uint8_t *bytes = address;
  for (size_t index = word_count * sizeof *words; index < count; index += 1) bytes[index] = 0xdd;
}

__thread unsigned sysshims_locks_held;
__thread const void *sysshims_updated_pointer;

/// All signals except those that report a thread's own faults.
static void fill_blocked(sigset_t *blocked) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS, SIGABRT};
  sigfillset(blocked);
  for (size_t index = 0; index < sizeof faults / sizeof *faults; index += 1)
    sigdelset(blocked, faults[index]);
}

void sysshims_block_signals(sigset_t *before) {
  sigset_t blocked;
  fill_blocked(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, before);
}

int sysshims_start_thread(pthread_t *thread, const char *name, size_t stack_bytes,
                          void *(*body)(void *), void *context) {
  pthread_attr_t attributes;
  int error = pthread_attr_init(&attributes);
  if (error != 0) return error;
  if (stack_bytes != 0) {
    size_t page_bytes = sysshims_page_bytes();
    size_t minimum = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    if (stack_bytes < minimum) stack_bytes = minimum;
    error = pthread_attr_setstacksize(&attributes, (stack_bytes + page_bytes - 1) & -page_bytes);
  }
  // Sets the whole mask, instead of adding to it: the creating thread may have blocked its faults.
  sigset_t blocked, before;
  fill_blocked(&blocked);
  pthread_sigmask(SIG_SETMASK, &blocked, &before);
  if (error == 0) error = pthread_create(thread, &attributes, body, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  if (error == 0) {
    // The kernel takes 15 bytes, and rejects longer names.
    char short_name[16] = {0};
    strncpy(short_name, name, sizeof short_name - 1);
    (void)pthread_setname_np(*thread, short_name);
  }
  return error;
}

int sysshims_join_thread(pthread_t thread, unsigned milliseconds) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += milliseconds / 1000;
  deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000) {
    deadline.tv_sec += 1;
    deadline.tv_nsec -= 1000000000;
  }
  return pthread_timedjoin_np(thread, NULL, &deadline);
}

__thread struct sysshims_thread_section *sysshims_thread_sections;

unsigned sysshims_processor(void) {
  int number = sched_getcpu();
  return number < 0 ? 0 : (unsigned)number;
}

unsigned sysshims_processor_count(void) {
  long count = sysconf(_SC_NPROCESSORS_CONF);
  return count < 1 ? 1 : (unsigned)count;
}

void sysshims_make_sleeps_exact(void) { (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

void sysshims_never_preempt(void) {
  struct sched_param parameter = {.sched_priority = 0};
  // Any other policy is the program's choice, inherited from the thread that started this one.
  if (sched_getscheduler(0) != SCHED_OTHER) return;
  (void)sched_setscheduler(0, SCHED_BATCH, &parameter);
}

uint64_t sysshims_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int sysshims_condition_init(pthread_cond_t *condition) {
  pthread_condattr_t attributes;
  int error = pthread_condattr_init(&attributes);
  if (error != 0) return error;
  error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  if (error == 0) error = pthread_cond_init(condition, &attributes);
  pthread_condattr_destroy(&attributes);
  return error;
}

int sysshims_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t deadline) {
  struct timespec until = {.tv_sec = (time_t)(deadline / 1000000000),
                           .tv_nsec = (long)(deadline % 1000000000)};
  return pthread_cond_timedwait(condition, mutex, &until);
}

void sysshims_write_error(const char *text, size_t count) {
  ssize_t ignored = write(STDERR_FILENO, text, count);
  (void)ignored;
}

void sysshims_describe_code(uintptr_t address, char *text, size_t count) {
  Dl_info found;
  if (address == 0 || dladdr((void *)address, &found) == 0 || found.dli_fname == NULL) {
    snprintf(text, count, "code at %#zx", (size_t)address);
  } else if (found.dli_sname != NULL) {
    snprintf(text, count, "%s", found.dli_sname);
  } else {
    size_t offset = (size_t)(address - (uintptr_t)found.dli_fbase);
    snprintf(text, count, "%s+%#zx", found.dli_fname, offset);
  }
}

bool sysshims_has_protection_keys(void) {
#if defined(__x86_64__)
  unsigned eax, ebx, ecx, edx;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> 4 & 1) != 0;
#else
  return false;
#endif
}

size_t sysshims_page_bytes(void) {
  long count = sysconf(_SC_PAGESIZE);
  return count < 1 ? 4096 : (size_t)count;
}

void sysshims_populate(void *address, size_t count) {
#ifdef MADV_POPULATE_WRITE
  size_t page_bytes = sysshims_page_bytes();
  uintptr_t first = ((uintptr_t)address + page_bytes - 1) & -page_bytes;
  uintptr_t end = ((uintptr_t)address + count) & -page_bytes;
  // Kernels before 5.14 reject this.
  if (end > first) (void)madvise((void *)first, end - first, MADV_POPULATE_WRITE);
#else
  (void)address;
  (void)count;
#endif
}

int sysshims_rwlock_init(pthread_rwlock_t *lock, bool prefers_writers) {
  pthread_rwlockattr_t attributes;
  int error = pthread_rwlockattr_init(&attributes);
  if (error != 0) return error;
  // With glibc, only the "nonrecursive" kind really prefers writers.
  error = pthread_rwlockattr_setkind_np(
      &attributes, prefers_writers ? PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
                                   : PTHREAD_RWLOCK_PREFER_READER_NP);
  if (error == 0) error = pthread_rwlock_init(lock, &attributes);
  pthread_rwlockattr_destroy(&attributes);
  return error;
}

bool sysshims_is_of_proc(int descriptor) {
  struct statfs system;
  return fstatfs(descriptor, &system) == 0 && system.f_type == PROC_SUPER_MAGIC;
}

int sysshims_procmap_query(int descriptor, void *query) {
  // _IOWR('f', 17, struct procmap_query), 104 bytes; spelled out, so that this also builds with
  // headers older than Linux 6.11.
  return ioctl(descriptor, 0xc0686611UL, query);
}

int sysshims_copy_to_user(uint64_t target, const void *source, size_t count) {
  struct iovec local = {.iov_base = (void *)source, .iov_len = count};
  struct iovec remote = {.iov_base = (void *)(uintptr_t)target, .iov_len = count};
  if (count == 0) return 0;
  ssize_t written = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
  return written == (ssize_t)count ? 0 : EFAULT;
}
