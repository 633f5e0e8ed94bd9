// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Dropping what was retired doesn't wait.
import ReadCopyUpdate

func replace(_ pointer: borrowing RCU.Pointer<Int>) async {
  _ = pointer.exchange(2)
  await RCU.barrier()
}

func replaceBlocking(_ pointer: borrowing RCU.Pointer<Int>) {
  pointer.exchange(2)?.reclaim()
}
