// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What was loaded in a section can't leave it, though this package asks for no checks of lifetimes.
// error: lifetime-dependent variable 'ref' escapes its scope
import ReadCopyUpdate

func escape(_ pointer: borrowing RCU.Pointer<Int>) {
  var ref: RCU.Ref<Int>? = nil
  RCU.withReadSection { section in ref = pointer.load(in: section) }
  _ = ref
}
