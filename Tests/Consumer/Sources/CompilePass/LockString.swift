// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A struct of numbers will do.
import SequenceLocks

struct Name: BitwiseCopyable, Sendable {
  var letters: UInt64 = 0
}

func lock() -> Name {
  let name = SequenceLock(Name())
  return name.load()
}
