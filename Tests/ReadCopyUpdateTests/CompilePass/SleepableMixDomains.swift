// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Each has its own, which nest.
import ReadCopyUpdate

func read(
  _ domain: SleepableRCU, _ sleepable: borrowing SleepableRCU.Pointer<Int>,
  _ pointer: borrowing RCU.Pointer<Int>
) -> Int {
  domain.withReadSection { section in
    sleepable.load(in: section)!.value
      + RCU.withReadSection { section in pointer.load(in: section)!.value }
  }
}
