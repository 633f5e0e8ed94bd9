// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the library's modules share among themselves is not for other packages.
// error: 'withFencedReadSection' is inaccessible due to 'package' protection level
import ReadCopyUpdate

func read() -> Int {
  RCU.withFencedReadSection { _ in 1 }
}
