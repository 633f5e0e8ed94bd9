// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The cursor of a list walk can't leave the section.
// error: lifetime-dependent variable
import ReadCopyUpdate

struct Node: ~Copyable, Sendable {
  let value: Int
  let next = RCU.Pointer<Node>()
}

func last(_ head: borrowing RCU.Pointer<Node>, _ start: RCU.Ref<Node>) -> Int {
  var cursor = start
  RCU.withReadSection { section in
    while let next = cursor.value.next.load(in: section) { cursor = next }
  }
  return cursor.value.value
}
