// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be returned from the section.
// error: 'withReadSection' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int>' conform
import ReadCopyUpdate

func leak(_ pointer: borrowing RCU.Pointer<Int>) -> Int {
  let ref: RCU.Ref<Int> = RCU.withReadSection { section in pointer.load(in: section)! }
  return ref.value
}
