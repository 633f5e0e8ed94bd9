// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Another library's sequence lock, as a shared library that is loaded if it could be built, as
// those of peer.h.

#ifndef SEQUENCE_PEER_H
#define SEQUENCE_PEER_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A sequence lock over words that are all 1.
struct baselines_sequence_peer {
  const char *_Nonnull (*_Nonnull version)(void);
  /// `count` times: reads 1, 4 or 8 words as of one instant into registers. Returns the sum of
  /// their first ones.
  int64_t (*read_8)(size_t count);
  int64_t (*read_32)(size_t count);
  int64_t (*read_64)(size_t count);
};

/// The symbol that a peer's library defines: a `const struct baselines_sequence_peer`.
#define SEQUENCE_PEER_SYMBOL "baselines_sequence_peer_functions"

#pragma clang assume_nonnull end

#endif
