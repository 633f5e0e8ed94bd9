// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _LGPL_SOURCE 1
// cds_lfht_new takes the flavor that the names without a prefix stand for.
#define URCU_API_MAP 1
#include <urcu/urcu-bp.h>
#include <urcu/rculfhash.h>

#include "table-peer.h"

#include <stdlib.h>

static uint64_t (*table_hash)(int64_t key);

struct entry {
  struct cds_lfht_node node;
  int64_t key;
  int64_t value;
  struct rcu_head head;
};

static const char *version(void) { return "liburcu's"; }

static void *make(void) {
  return cds_lfht_new(64, 64, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING, NULL);
}

static int matches(struct cds_lfht_node *node, const void *key) {
  return caa_container_of(node, struct entry, node)->key == *(const int64_t *)key;
}

static void free_entry(struct rcu_head *head) {
  free(caa_container_of(head, struct entry, head));
}

static void destroy(void *table) {
  struct cds_lfht_iter iterator;
  struct entry *entry;
  urcu_bp_read_lock();
  cds_lfht_for_each_entry(table, &iterator, entry, node) {
    cds_lfht_del(table, &entry->node);
    urcu_bp_call_rcu(&entry->head, free_entry);
  }
  urcu_bp_read_unlock();
  urcu_bp_barrier();
  cds_lfht_destroy(table, NULL);
}

static void settle(void *table, size_t count) {
  unsigned long buckets = 64;
  while (buckets < count) buckets *= 2;
  cds_lfht_resize(table, buckets);
}

static inline struct cds_lfht_node *find(void *table, int64_t key) {
  struct cds_lfht_iter iterator;
  cds_lfht_lookup(table, table_hash(key), matches, &key, &iterator);
  return cds_lfht_iter_get_node(&iterator);
}

static inline int64_t value_of(void *table, int64_t key) {
  urcu_bp_read_lock();
  struct cds_lfht_node *node = find(table, key);
  int64_t value = node ? caa_container_of(node, struct entry, node)->value : 0;
  urcu_bp_read_unlock();
  return value;
}

static int64_t lookup(void *table, const int64_t *keys, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) sum += value_of(table, keys[index]);
  return sum;
}

static struct entry *make_entry(int64_t key) {
  struct entry *entry = malloc(sizeof *entry);
  cds_lfht_node_init(&entry->node);
  entry->key = key;
  entry->value = 1;
  return entry;
}

static inline void insert_one(void *table, int64_t key) {
  struct entry *entry = make_entry(key);
  urcu_bp_read_lock();
  struct cds_lfht_node *present =
      cds_lfht_add_unique(table, table_hash(key), matches, &key, &entry->node);
  urcu_bp_read_unlock();
  if (present != &entry->node) free(entry);
}

static void insert(void *table, const int64_t *keys, size_t count) {
  for (size_t index = 0; index < count; index++) insert_one(table, keys[index]);
}

static void replace(void *table, const int64_t *keys, size_t count) {
  for (size_t index = 0; index < count; index++) {
    struct entry *entry = make_entry(keys[index]);
    urcu_bp_read_lock();
    struct cds_lfht_node *old = cds_lfht_add_replace(
        table, table_hash(keys[index]), matches, &keys[index], &entry->node);
    urcu_bp_read_unlock();
    if (old) urcu_bp_call_rcu(&caa_container_of(old, struct entry, node)->head, free_entry);
  }
}

static inline void remove_one(void *table, int64_t key) {
  urcu_bp_read_lock();
  struct cds_lfht_node *node = find(table, key);
  int is_removed = node != NULL && cds_lfht_del(table, node) == 0;
  urcu_bp_read_unlock();
  if (is_removed) urcu_bp_call_rcu(&caa_container_of(node, struct entry, node)->head, free_entry);
}

static void remove_all(void *table, const int64_t *keys, size_t count) {
  for (size_t index = 0; index < count; index++) remove_one(table, keys[index]);
}

static int64_t mixed(void *table, const int64_t *operations, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    int64_t operation = operations[index];
    if (!(operation & TABLE_PEER_CHANGES)) {
      sum += value_of(table, operation);
      continue;
    }
    sum += 1;
    int64_t key = operation & ~(TABLE_PEER_CHANGES | TABLE_PEER_INSERTS);
    if (operation & TABLE_PEER_INSERTS) insert_one(table, key);
    else remove_one(table, key);
  }
  return sum;
}

static int64_t walk(void *table) {
  struct cds_lfht_iter iterator;
  struct entry *entry;
  int64_t sum = 0;
  urcu_bp_read_lock();
  cds_lfht_for_each_entry(table, &iterator, entry, node) sum += entry->value;
  urcu_bp_read_unlock();
  return sum;
}

const struct baselines_table_peer *baselines_lfht(uint64_t (*hash)(int64_t key)) {
  table_hash = hash;
  static const struct baselines_table_peer functions = {
      .version = version,
      .make = make,
      .destroy = destroy,
      .settle = settle,
      .lookup = lookup,
      .insert = insert,
      .replace = replace,
      .remove = remove_all,
      .mixed = mixed,
      .walk = walk,
  };
  return &functions;
}
