// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The proof of a section can't outlive it.
// error: 'withReadSection' requires that 'RCU.ReadSection'
import ReadCopyUpdate

func leak(_ pointer: borrowing RCU.Pointer<Int>) -> Int? {
  let section: RCU.ReadSection = RCU.withReadSection { section in section }
  return pointer.load(in: section)?.value
}
