// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The names of this library.
import ReadCopyUpdate

func read() {
  RCU.withReadSection { _ in }
  RCU.synchronize()
  RCU.afterGracePeriod {}
  RCU.barrier()
}
