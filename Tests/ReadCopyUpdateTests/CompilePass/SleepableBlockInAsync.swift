// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It suspends.
import ReadCopyUpdate

func wait(_ domain: SleepableRCU) async {
  await domain.synchronize()
  await domain.barrier()
}

func block(_ domain: SleepableRCU) {
  domain.synchronize()
  domain.barrier()
}
