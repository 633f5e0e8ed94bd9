// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Only withReadSection makes a section.
// error: initializer is inaccessible due to 'internal' protection level
import ReadCopyUpdate

func read(_ pointer: borrowing SleepableRCU.Pointer<Int>, _ address: UnsafeRawPointer) -> Int {
  pointer.load(in: SleepableRCU.ReadSection(address))!.value
}
