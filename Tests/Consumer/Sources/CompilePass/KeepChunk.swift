// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Its bytes can.
import VirtualMemory

func keep(_ space: AddressSpace) -> [UInt8] {
  var reader = MapsReader(space)
  return reader.withNextChunk { chunk in chunk.indices.map { chunk[$0] } } ?? []
}
