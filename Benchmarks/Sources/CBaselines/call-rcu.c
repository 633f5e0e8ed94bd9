// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Deferred reclamation by liburcu's call_rcu, as a C program does it: the head is part of the
// object.

#include "baselines.h"
#include "peer.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <urcu/urcu-bp.h>

struct latency_call {
  struct rcu_head head;
  uint64_t called;
  sem_t done;
};

static void note_call(struct rcu_head *head) {
  struct latency_call *call = caa_container_of(head, struct latency_call, head);
  call->called = baselines_now();
  sem_post(&call->done);
}

uint64_t baselines_call_rcu_latency(void) {
  struct latency_call call;
  memset(&call, 0, sizeof(call));
  sem_init(&call.done, 0, 0);
  uint64_t start = baselines_now();
  urcu_bp_call_rcu(&call.head, note_call);
  while (sem_wait(&call.done) != 0) continue;
  sem_destroy(&call.done);
  return call.called - start;
}

struct object {
  struct rcu_head head;
  int64_t words[];
};

// Written by whoever retires, one thread at a time.
static struct object *current;
// Written by the worker of call_rcu; read by whoever retires.
static uint64_t freed;

static void free_object(struct rcu_head *head) {
  free(caa_container_of(head, struct object, head));
  __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

static void retire_one(size_t bytes) {
  struct object *object = malloc(bytes);
  if (object == NULL) abort();
  size_t word_count = (bytes - sizeof *object) / sizeof object->words[0];
  for (size_t index = 0; index < word_count; index++) object->words[index] = 1;
  struct object *old = __atomic_exchange_n(&current, object, __ATOMIC_ACQ_REL);
  if (old != NULL) urcu_bp_call_rcu(&old->head, free_object);
}

// One object more than is retired would be left: let the first call provide it.
static void provide_object(size_t bytes) {
  if (current == NULL) retire_one(bytes);
}

void baselines_call_rcu_retire(size_t count) {
  const size_t bytes = sizeof(struct object) + PEER_NODE_BYTES;
  provide_object(bytes);
  for (size_t index = 0; index < count; index++) retire_one(bytes);
}

uint64_t baselines_call_rcu_retire_until(
    uint64_t deadline, size_t bytes, uint64_t pending_max, uint64_t *retired) {
  provide_object(bytes);
  uint64_t before = __atomic_load_n(&freed, __ATOMIC_RELAXED);
  uint64_t peak = 0;
  *retired = 0;
  do {
    // Before it is retired: afterwards it may be gone.
    *retired += 1;
    uint64_t pending = *retired - (__atomic_load_n(&freed, __ATOMIC_RELAXED) - before);
    if (pending * bytes > peak) peak = pending * bytes;
    retire_one(bytes);
  } while (peak < pending_max && baselines_now() < deadline);
  return peak;
}

uint64_t baselines_call_rcu_drain(void) {
  urcu_bp_barrier();
  return __atomic_load_n(&freed, __ATOMIC_RELAXED);
}
