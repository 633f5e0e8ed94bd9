// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A pointer can.
import ReadCopyUpdate

let global = RCU.Pointer(1)

func value() -> Int? {
  RCU.withReadSection { section in global.load(in: section)?.value }
}
