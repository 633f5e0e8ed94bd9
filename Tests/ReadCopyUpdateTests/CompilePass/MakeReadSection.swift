// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section is opened.
import ReadCopyUpdate

func value(_ pointer: borrowing RCU.Pointer<Int>) -> Int? {
  RCU.withReadSection { pointer.load(in: $0)?.value }
}
