// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It is replaced.
import ReadCopyUpdate

func change(_ pointer: borrowing RCU.Pointer<Int>) {
  pointer.update { $0 = 2 }
}
