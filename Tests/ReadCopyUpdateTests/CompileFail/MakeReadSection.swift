// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Nobody but withReadSection makes a section.
// error: initializer is inaccessible
import ReadCopyUpdate

func value(_ pointer: borrowing RCU.Pointer<Int>) -> Int? {
  pointer.load(in: RCU.ReadSection())?.value
}
