// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The async twins have the same names.
import ReadCopyUpdate

func wait() async {
  await RCU.synchronize()
  await RCU.barrier()
}

func waitBlocking() {
  RCU.synchronize()
  RCU.barrier()
}
