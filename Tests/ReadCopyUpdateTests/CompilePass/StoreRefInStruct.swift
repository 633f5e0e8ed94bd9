// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A struct may hold the pointer.
import ReadCopyUpdate

struct Holder: ~Copyable {
  let pointer = RCU.Pointer(1)
}

func value(_ holder: borrowing Holder) -> Int? {
  RCU.withReadSection { section in holder.pointer.load(in: section)?.value }
}
