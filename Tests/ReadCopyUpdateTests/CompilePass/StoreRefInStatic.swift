// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A pointer can.
import ReadCopyUpdate

enum Holder {
  static let pointer = RCU.Pointer(1)
}

func value() -> Int? {
  RCU.withReadSection { section in Holder.pointer.load(in: section)?.value }
}
