// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Abseil's hash tables under its mutex, which readers share (Debian: libabsl-dev).

#include "table-peer.h"

#include <absl/synchronization/mutex.h>

template <class Map>
struct LockedTable {
  Map map;
  absl::Mutex mutex;

  int64_t value(int64_t key) {
    absl::ReaderMutexLock lock(&mutex);
    auto found = map.find(key);
    return found == map.end() ? 0 : found->second;
  }

  void insert(int64_t key) {
    absl::MutexLock lock(&mutex);
    map.emplace(key, 1);
  }

  void remove(int64_t key) {
    absl::MutexLock lock(&mutex);
    map.erase(key);
  }

  void replace(int64_t key) {
    absl::MutexLock lock(&mutex);
    map.insert_or_assign(key, 1);
  }
};

template <class Map>
struct LockedTableFunctions {
  using Table = LockedTable<Map>;
  static Table &table(void *address) { return *static_cast<Table *>(address); }

  static int64_t mixed(void *address, const int64_t *operations, size_t count) {
    Table &self = table(address);
    int64_t sum = 0;
    for (size_t index = 0; index < count; index++) {
      int64_t operation = operations[index];
      if (!(operation & TABLE_PEER_CHANGES)) {
        sum += self.value(operation);
        continue;
      }
      sum += 1;
      int64_t key = operation & ~(TABLE_PEER_CHANGES | TABLE_PEER_INSERTS);
      if (operation & TABLE_PEER_INSERTS) self.insert(key);
      else self.remove(key);
    }
    return sum;
  }

  static int64_t lookup(void *address, const int64_t *keys, size_t count) {
    int64_t sum = 0;
    for (size_t index = 0; index < count; index++) sum += table(address).value(keys[index]);
    return sum;
  }

  static int64_t walk(void *address) {
    Table &self = table(address);
    absl::ReaderMutexLock lock(&self.mutex);
    int64_t sum = 0;
    for (auto &entry : self.map) sum += entry.second;
    return sum;
  }
};

#define DEFINE_LOCKED_TABLE(Map, Version)                                                     \
  using Functions = LockedTableFunctions<Map>;                                                \
  extern "C" const baselines_table_peer baselines_table_peer_functions = {                    \
      .version = [] { return Version; },                                                      \
      .make = []() -> void * { return new Functions::Table; },                                \
      .destroy = [](void *table) { delete &Functions::table(table); },                        \
      .settle = nullptr,                                                                      \
      .lookup = Functions::lookup,                                                            \
      .insert = [](void *table, const int64_t *keys, size_t count) {                          \
        for (size_t i = 0; i < count; i++) Functions::table(table).insert(keys[i]);           \
      },                                                                                      \
      .replace = [](void *table, const int64_t *keys, size_t count) {                         \
        for (size_t i = 0; i < count; i++) Functions::table(table).replace(keys[i]);          \
      },                                                                                      \
      .remove = [](void *table, const int64_t *keys, size_t count) {                          \
        for (size_t i = 0; i < count; i++) Functions::table(table).remove(keys[i]);           \
      },                                                                                      \
      .mixed = Functions::mixed,                                                              \
      .walk = Functions::walk,                                                                \
  };
