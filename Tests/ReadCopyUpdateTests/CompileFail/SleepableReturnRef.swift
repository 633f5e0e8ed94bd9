// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be returned from a section that suspends either.
// error: 'withReadSection' requires that 'SleepableRCU.Ref<Int>' conform to 'Escapable'
import ReadCopyUpdate

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  let ref: SleepableRCU.Ref<Int> = await domain.withReadSection { section in
    await Task.yield()
    return pointer.load(in: section)!
  }
  return ref.value
}
