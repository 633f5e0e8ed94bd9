// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It makes one, of either form.
import ReadCopyUpdate

func read(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  let now = domain.withReadSection { section in pointer.load(in: section)!.value }
  return await domain.withReadSection { section in
    await Task.yield()
    return now + pointer.load(in: section)!.value
  }
}
