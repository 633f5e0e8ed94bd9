// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The top of a stack can't leave the section.
// error: lifetime-dependent variable
import ReadCopyUpdate

func top(_ stack: borrowing RCU.LockFreeStack<Int>) -> Int {
  var top: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in top = stack.top(in: section) }
  return top?.value ?? 0
}
