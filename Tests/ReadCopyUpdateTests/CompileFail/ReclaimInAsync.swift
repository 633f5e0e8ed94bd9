// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Reclaiming waits: not in async code.
// error: instance method 'reclaim' is unavailable from asynchronous contexts; blocks the thread
import ReadCopyUpdate

func replace(_ pointer: borrowing RCU.Pointer<Int>) async {
  pointer.exchange(2)?.reclaim()
}
