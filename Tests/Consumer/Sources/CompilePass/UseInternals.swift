// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Sections are.
import ReadCopyUpdate

func readInSection() -> Int {
  RCU.withReadSection { _ in 1 }
}
