// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Reclaiming waits: in async code it has to be awaited.
// error: expression is 'async' but is not marked with 'await'
import ReadCopyUpdate

func replace(_ pointer: borrowing RCU.Pointer<Int>) async {
  pointer.exchange(2)?.reclaim()
}
