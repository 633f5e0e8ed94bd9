// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Walking a list: each Ref lives as long as the section, not as the one before.
import ReadCopyUpdate

struct Node: ~Copyable, Sendable {
  let value: Int
  let next = RCU.Pointer<Node>()
}

func sum(_ head: borrowing RCU.Pointer<Node>) -> Int {
  RCU.withReadSection { section in
    var sum = 0
    var cursor = head.load(in: section)
    while let node = cursor {
      sum += node.value.value
      cursor = node.value.next.load(in: section)
    }
    return sum
  }
}

func find(_ value: Int, _ head: borrowing RCU.Pointer<Node>) -> Bool {
  RCU.withReadSection { section in
    guard var node = head.load(in: section) else { return false }
    while node.value.value != value {
      guard let next = node.value.next.load(in: section) else { return false }
      node = next
    }
    return true
  }
}
