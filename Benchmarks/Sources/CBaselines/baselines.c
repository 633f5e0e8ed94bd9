// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "baselines.h"

#include <dlfcn.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <time.h>

int64_t baselines_read_rwlock(
    pthread_rwlock_t *lock, const struct baselines_pointer *pointer, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    pthread_rwlock_rdlock(lock);
    sum += __atomic_load_n(&pointer->node, __ATOMIC_ACQUIRE)->value;
    pthread_rwlock_unlock(lock);
  }
  return sum;
}

// All words must be read each time, and end in registers.
#define LOAD_4(a, b, c, d, words)                                                                  \
  int64_t a = (words)[0], b = (words)[1], c = (words)[2], d = (words)[3];                          \
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d))

int64_t baselines_copy_8(const int64_t *words, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    __asm__ volatile("" : "+r"(words) : : "memory");
    int64_t a = words[0];
    __asm__ volatile("" : "+r"(a));
    sum += a;
  }
  return sum;
}

int64_t baselines_copy_32(const int64_t *words, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    __asm__ volatile("" : "+r"(words) : : "memory");
    LOAD_4(a, b, c, d, words);
    sum += a;
  }
  return sum;
}

int64_t baselines_copy_64(const int64_t *words, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    __asm__ volatile("" : "+r"(words) : : "memory");
    LOAD_4(a, b, c, d, words);
    LOAD_4(e, f, g, h, words + 4);
    sum += a;
  }
  return sum;
}

// What the process could use when it started: threads inherit what their makers are pinned to.
static cpu_set_t allowed_cores;

__attribute__((constructor)) static void note_allowed_cores(void) {
  if (sched_getaffinity(0, sizeof allowed_cores, &allowed_cores) != 0) CPU_SET(0, &allowed_cores);
}

void baselines_pin_thread(size_t index) {
  size_t left = index % (size_t)CPU_COUNT(&allowed_cores);
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (!CPU_ISSET(core, &allowed_cores) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

void baselines_unpin_thread(void) {
  (void)sched_setaffinity(0, sizeof allowed_cores, &allowed_cores);
}

void baselines_pause(uint64_t nanoseconds) {
  static _Thread_local bool is_exact;
  if (!is_exact) {
    // Else timers are 50 µs late, on purpose.
    (void)prctl(PR_SET_TIMERSLACK, 1ul);
    is_exact = true;
  }
  struct timespec time = {.tv_nsec = (long)nanoseconds};
  clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

uint64_t baselines_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

const char *baselines_liburcu_path(void) {
  Dl_info info;
  void *function = dlsym(RTLD_DEFAULT, "urcu_bp_synchronize_rcu");
  if (function == NULL || dladdr(function, &info) == 0) return NULL;
  return info.dli_fname;
}
