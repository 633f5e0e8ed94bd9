// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What outlives the section is a copy of the value.
import ReadCopyUpdate

final class Holder {
  var value: Int?
}

func hold(_ pointer: borrowing RCU.Pointer<Int>, in holder: Holder) {
  holder.value = RCU.withReadSection { section in pointer.load(in: section)?.value }
}
