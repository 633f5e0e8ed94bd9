// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A noncopyable Sendable pointee will do.
import ReadCopyUpdate

struct Unique: ~Copyable, Sendable {
  let value = 0
}

func make() {
  let pointer = RCU.Pointer(Unique())
  pointer.clear()
}
