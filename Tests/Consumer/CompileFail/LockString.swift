// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A sequence lock's value is copied while it may change: it owns nothing.
// error: requires that 'String' conform to 'BitwiseCopyable'
import SequenceLocks

func lock() {
  let name = SequenceLock("a name")
  _ = name.load()
}
