// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It ends first.
import ReadCopyUpdate

func next() async -> Int { 1 }

func read(_ pointer: borrowing RCU.Pointer<Int>) async -> Int {
  let value = RCU.withReadSection { section in pointer.load(in: section)!.value }
  return value + (await next())
}
