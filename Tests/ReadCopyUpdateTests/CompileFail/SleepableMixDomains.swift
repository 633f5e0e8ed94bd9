// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section of an RCUDomain keeps nothing of a SleepableRCU, nor the other way round.
// error: cannot convert value of type 'RCUDomain<BulletproofFlavor>.ReadSection'
// error: cannot convert value of type 'SleepableRCU.ReadSection'
import ReadCopyUpdate

func read(
  _ domain: SleepableRCU, _ sleepable: borrowing SleepableRCU.Pointer<Int>,
  _ pointer: borrowing RCU.Pointer<Int>
) {
  RCU.withReadSection { section in _ = sleepable.load(in: section) }
  domain.withReadSection { section in _ = pointer.load(in: section) }
}
