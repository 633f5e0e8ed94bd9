// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// oneTBB's concurrent_hash_map: a lock for each bucket and for each element (Debian: libtbb-dev).

#include "table-peer.h"

#include <oneapi/tbb/concurrent_hash_map.h>

using Map = tbb::concurrent_hash_map<int64_t, int64_t>;

static Map &map(void *table) { return *static_cast<Map *>(table); }

static int64_t value(Map &map, int64_t key) {
  Map::const_accessor found;
  return map.find(found, key) ? found->second : 0;
}

static int64_t lookup(void *table, const int64_t *keys, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) sum += value(map(table), keys[index]);
  return sum;
}

static int64_t mixed(void *table, const int64_t *operations, size_t count) {
  Map &self = map(table);
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    int64_t operation = operations[index];
    if (!(operation & TABLE_PEER_CHANGES)) {
      sum += value(self, operation);
      continue;
    }
    sum += 1;
    int64_t key = operation & ~(TABLE_PEER_CHANGES | TABLE_PEER_INSERTS);
    if (operation & TABLE_PEER_INSERTS) self.insert({key, 1});
    else self.erase(key);
  }
  return sum;
}

static int64_t walk(void *table) {
  int64_t sum = 0;
  for (auto &entry : map(table)) sum += entry.second;
  return sum;
}

extern "C" const baselines_table_peer baselines_table_peer_functions = {
    .version = [] { return PEER_VERSION; },
    .make = []() -> void * { return new Map; },
    .destroy = [](void *table) { delete &map(table); },
    .settle = nullptr,
    .lookup = lookup,
    .insert = [](void *table, const int64_t *keys, size_t count) {
      for (size_t i = 0; i < count; i++) map(table).insert({keys[i], 1});
    },
    .replace = [](void *table, const int64_t *keys, size_t count) {
      for (size_t i = 0; i < count; i++) {
        Map::accessor found;
        map(table).insert(found, keys[i]);
        found->second = 1;
      }
    },
    .remove = [](void *table, const int64_t *keys, size_t count) {
      for (size_t i = 0; i < count; i++) map(table).erase(keys[i]);
    },
    .mixed = mixed,
    .walk = walk,
};
