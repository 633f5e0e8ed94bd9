// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What one would keep VMAs in without this library: another language's ordered map under a
// readers-writer lock. A shared library that is loaded if it could be built, as those of peer.h.

#ifndef MAP_PEER_H
#define MAP_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma clang assume_nonnull begin

#define BASELINES_READABLE 1u
#define BASELINES_WRITABLE 2u
#define BASELINES_EXECUTABLE 4u
#define BASELINES_SHARED 8u

/// The most bytes of text that a reader takes at a time: the kernel's page, less what it keeps.
#define BASELINES_CHUNK_BYTES 4095

/// One VMA, with all that its line says.
struct baselines_vma {
  uint64_t start;
  uint64_t end;
  /// In bytes.
  uint64_t offset;
  uint64_t inode;
  uint32_t device_major;
  uint32_t device_minor;
  /// BASELINES_READABLE and so on.
  uint32_t flags;
  /// Bytes of the name: 0 for none.
  uint32_t name_size;
  const char *_Nullable name;
};

/// A map of VMAs that any thread may use: each function takes the lock by itself.
struct baselines_map_peer {
  const char *_Nonnull (*_Nonnull version)(void);
  void *_Nonnull (*_Nonnull make)(void);
  void (*destroy)(void *map);
  /// Adds a VMA where nothing is mapped, as it is.
  void (*add)(void *map, const struct baselines_vma *vma);
  /// Maps, in the place of what is there; merges with neighbours that go on alike.
  void (*map)(void *map, const struct baselines_vma *vma);
  /// Unmaps, splitting what reaches beyond.
  void (*unmap)(void *map, uint64_t start, uint64_t end);
  /// Sets the access allowed, splitting and merging.
  void (*protect)(void *map, uint64_t start, uint64_t end, uint32_t access);
  /// `count` times: finds the VMA of one of the addresses, round and round, and copies what is
  /// known of it. Returns the sum of the starts, and 1 for each address that isn't mapped.
  ///
  /// `mask`: the number of addresses, a power of two, less 1.
  uint64_t (*query)(void *map, const uint64_t *addresses, size_t mask, size_t count);
  /// Makes the text of `/proc/PID/maps` under one lock, in a buffer that is used again. The text
  /// stays until the next call; for one thread at a time. Returns its size.
  size_t (*dump)(void *map, const char *_Nullable *_Nonnull text);
  /// Makes the lines from `position` on, as many as fit into BASELINES_CHUNK_BYTES, under one lock.
  /// Advances the position. Returns their size: 0 at the end.
  size_t (*dump_chunk)(void *map, uint64_t *position, char *chunk);
  /// Bytes allocated for the VMAs, with what the allocator needs itself.
  size_t (*memory_bytes)(void *map);
};

/// The symbol that a peer's library defines: a `const struct baselines_map_peer`.
#define MAP_PEER_SYMBOL "baselines_map_peer_functions"

#pragma clang assume_nonnull end

#ifdef __cplusplus
}
#endif

#endif
