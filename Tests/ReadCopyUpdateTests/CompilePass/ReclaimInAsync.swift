// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The async twin suspends the task; dropping what was retired doesn't wait.
import ReadCopyUpdate

func replace(_ pointer: borrowing RCU.Pointer<Int>) async {
  _ = pointer.exchange(2)
  await pointer.exchange(3)?.reclaim()
  await RCU.barrier()
}

func replaceBlocking(_ pointer: borrowing RCU.Pointer<Int>) {
  pointer.exchange(2)?.reclaim()
}
