// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Its value can, and inside the section it stays valid across a suspension.
import ReadCopyUpdate

func next() async -> Int { 1 }

func read(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async -> Int {
  await domain.withReadSection { section in
    let ref = pointer.load(in: section)!
    let one = await next()
    return ref.value + one
  }
}
