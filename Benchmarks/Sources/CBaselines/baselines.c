// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "baselines.h"

#include <dlfcn.h>
#include <semaphore.h>
#include <string.h>
#include <time.h>
#include <urcu/urcu-bp.h>

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

int64_t baselines_copy_32(const int64_t *words, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    // All four words must be read each time, and end in registers.
    __asm__ volatile("" : "+r"(words) : : "memory");
    int64_t a = words[0], b = words[1], c = words[2], d = words[3];
    __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
    sum += a + d;
  }
  return sum;
}

void baselines_synchronize_bp(size_t count) {
  for (size_t index = 0; index < count; index++) urcu_bp_synchronize_rcu();
}

uint64_t baselines_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

struct baselines_call {
  struct rcu_head head;
  uint64_t called;
  sem_t done;
};

static void baselines_callback(struct rcu_head *head) {
  struct baselines_call *call = caa_container_of(head, struct baselines_call, head);
  call->called = baselines_now();
  sem_post(&call->done);
}

uint64_t baselines_call_rcu_latency(void) {
  struct baselines_call call;
  memset(&call, 0, sizeof(call));
  sem_init(&call.done, 0, 0);
  uint64_t start = baselines_now();
  urcu_bp_call_rcu(&call.head, baselines_callback);
  while (sem_wait(&call.done) != 0) continue;
  sem_destroy(&call.done);
  return call.called - start;
}

const char *baselines_liburcu_path(void) {
  Dl_info info;
  void *function = dlsym(RTLD_DEFAULT, "urcu_bp_synchronize_rcu");
  if (function == NULL || dladdr(function, &info) == 0) return NULL;
  return info.dli_fname;
}
