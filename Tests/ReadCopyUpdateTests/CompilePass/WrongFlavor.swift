// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section of its own flavor does.
import ReadCopyUpdate

func read<Flavor>(_ pointer: borrowing RCUDomain<Flavor>.Pointer<Int>) -> Int? {
  RCUDomain<Flavor>.withReadSection { section in pointer.load(in: section)?.value }
}
