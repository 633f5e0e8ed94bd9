// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Without `await` the blocking calls are not taken in its place.
// error: expression is 'async' but is not marked with 'await'
import ReadCopyUpdate

func wait(_ domain: SleepableRCU) async {
  domain.synchronize()
  domain.barrier()
}
