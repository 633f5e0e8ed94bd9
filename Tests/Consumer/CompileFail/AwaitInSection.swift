// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section doesn't suspend: the task might go on on another thread.
// error: cannot pass function of type '(RCUDomain<BulletproofFlavor>.ReadSection) async -> Int'
import ReadCopyUpdate

func next() async -> Int { 1 }

func read(_ pointer: borrowing RCU.Pointer<Int>) async -> Int {
  RCU.withReadSection { section in
    let value = pointer.load(in: section)!.value
    return value + (await next())
  }
}
