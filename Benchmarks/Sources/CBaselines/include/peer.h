// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Another library for the same purpose, as a shared library that is loaded if it could be built:
// neither the package nor its programs depend on it. Peers/ has the sources and the script.

#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What a peer retires, and its readers load: as large as a cache line, without what the peer
/// itself needs to queue it.
#define PEER_NODE_BYTES 64

/// What a peer does. It owns one pointer to a node whose value is 1.
///
/// A `record` is what the peer knows a thread by. Only the thread that entered uses it, and leaves
/// with nothing retired that it has not drained.
struct baselines_peer {
  const char *_Nonnull (*_Nonnull version)(void);
  void *_Nonnull (*_Nonnull enter_thread)(void);
  void (*leave_thread)(void *record);
  /// `count` times: opens a section, loads the pointer, adds the value, closes the section.
  int64_t (*read)(void *record, size_t count);
  /// Waits for a grace period `count` times. NULL where the peer has no such call.
  void (*_Nullable synchronize)(void *record, size_t count);
  /// `count` times: allocates a node, makes the pointer point to it, and retires the old one.
  void (*retire)(void *record, size_t count);
  /// Waits until everything that this thread retired has been freed. Returns how many nodes were
  /// freed since the peer was loaded.
  uint64_t (*drain)(void *record);
};

/// The symbol that a peer's library defines: a `const struct baselines_peer`.
#define PEER_SYMBOL "baselines_peer_functions"

#pragma clang assume_nonnull end

#endif
