// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A chunk of text is the reader's own memory: it can't be kept.
// error: lifetime-dependent variable 'kept' escapes its scope
import VirtualMemory

func keep(_ space: AddressSpace) {
  var reader = MapsReader(space)
  var kept = Span<UInt8>()
  _ = reader.withNextChunk { chunk in kept = chunk }
  _ = kept.count
}
