// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A thread can.
import ReadCopyUpdate

func read(_ pointer: borrowing RCUDomain<MembarrierFlavor>.Pointer<Int>) -> Int? {
  RCUDomain<MembarrierFlavor>.withRegisteredThread {
    RCUDomain<MembarrierFlavor>.withReadSection { pointer.load(in: $0)?.value }
  }
}
