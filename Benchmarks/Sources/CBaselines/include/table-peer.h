// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Another hash table for many threads: liburcu's own, or one of a shared library that is loaded if
// it could be built, as those of peer.h.

#ifndef TABLE_PEER_H
#define TABLE_PEER_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A change in `mixed` has this bit beside its key: insert the key, or else remove it.
#define TABLE_PEER_CHANGES ((int64_t)1 << 62)
#define TABLE_PEER_INSERTS ((int64_t)1 << 61)

/// A table from numbers to numbers. Each function goes through `count` keys. All but `make` and
/// `destroy` may be called by several threads at a time.
struct baselines_table_peer {
  const char *_Nonnull (*_Nonnull version)(void);
  void *_Nonnull (*_Nonnull make)(void);
  void (*destroy)(void *table);
  /// Makes a table with `count` entries as large as it wants to be, if it does that on a thread of
  /// its own, later. NULL if it doesn't.
  void (*_Nullable settle)(void *table, size_t count);
  /// Looks up each key; returns the sum of the values.
  int64_t (*lookup)(void *table, const int64_t *keys, size_t count);
  /// Adds each key with the value 1, unless it is there.
  void (*insert)(void *table, const int64_t *keys, size_t count);
  /// Replaces the value of each key by a 1 in a new node, if nodes are what the table is made of.
  void (*replace)(void *table, const int64_t *keys, size_t count);
  void (*remove)(void *table, const int64_t *keys, size_t count);
  /// Look-ups, and changes. Returns the sum of the values, with 1 for each change.
  int64_t (*mixed)(void *table, const int64_t *operations, size_t count);
  /// Goes through the whole table; returns the sum of the values.
  int64_t (*walk)(void *table);
};

/// The symbol that a peer's library defines: a `const struct baselines_table_peer`.
#define TABLE_PEER_SYMBOL "baselines_table_peer_functions"

/// liburcu's cds_lfht with the flavor bp inlined, as a C program uses it: it resizes itself, nodes
/// come from malloc, and call_rcu frees them.
///
/// `hash` is the hash function of all such tables.
const struct baselines_table_peer *baselines_lfht(uint64_t (*hash)(int64_t key));

#pragma clang assume_nonnull end

#endif
