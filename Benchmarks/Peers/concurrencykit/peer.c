// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// concurrencykit's epoch reclamation (Debian: libck-dev).

#include "peer.h"

#include <ck_epoch.h>
#include <stdlib.h>

// After how many retirements a thread looks what it may free. Nobody else does it: without that,
// nothing would be freed before `drain`.
#define RETIREMENTS_PER_POLL 64

struct node {
  ck_epoch_entry_t entry;
  int64_t words[PEER_NODE_BYTES / sizeof(int64_t)];
};

static ck_epoch_t epoch;
// Exchanged by `retire`, loaded by `read`.
static struct node *current;
static uint64_t freed;

static struct node *make_node(void) {
  struct node *node = malloc(sizeof *node);
  if (node == NULL) abort();
  for (size_t index = 0; index < PEER_NODE_BYTES / sizeof(int64_t); index++) node->words[index] = 1;
  return node;
}

static void free_node(ck_epoch_entry_t *entry) {
  free((char *)entry - offsetof(struct node, entry));
  __atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void prepare(void) {
  ck_epoch_init(&epoch);
  current = make_node();
}

static const char *version(void) { return PEER_VERSION; }

static void *enter_thread(void) {
  // A record is never freed, only used again.
  ck_epoch_record_t *record = ck_epoch_recycle(&epoch, NULL);
  if (record != NULL) return record;
  record = aligned_alloc(_Alignof(ck_epoch_record_t), sizeof *record);
  if (record == NULL) abort();
  ck_epoch_register(&epoch, record, NULL);
  return record;
}

static void leave_thread(void *record) { ck_epoch_unregister(record); }

static int64_t read_loop(void *record, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    ck_epoch_begin(record, NULL);
    sum += __atomic_load_n(&current, __ATOMIC_ACQUIRE)->words[0];
    ck_epoch_end(record, NULL);
  }
  return sum;
}

static void synchronize(void *record, size_t count) {
  for (size_t index = 0; index < count; index++) ck_epoch_synchronize(record);
}

static void retire(void *record, size_t count) {
  for (size_t index = 0; index < count; index++) {
    struct node *old = __atomic_exchange_n(&current, make_node(), __ATOMIC_ACQ_REL);
    ck_epoch_call(record, &old->entry, free_node);
    if ((index + 1) % RETIREMENTS_PER_POLL == 0) ck_epoch_poll(record);
  }
}

static uint64_t drain(void *record) {
  ck_epoch_barrier(record);
  return __atomic_load_n(&freed, __ATOMIC_RELAXED);
}

const struct baselines_peer baselines_peer_functions = {
    .version = version,
    .enter_thread = enter_thread,
    .leave_thread = leave_thread,
    .read = read_loop,
    .synchronize = synchronize,
    .retire = retire,
    .drain = drain,
};
