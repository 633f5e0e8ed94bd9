// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Popped, it can: the value after a grace period.
import ReadCopyUpdate

func top(_ stack: borrowing RCU.LockFreeStack<Int>) async -> Int {
  await stack.pop()?.take() ?? 0
}
