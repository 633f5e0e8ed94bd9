// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import ProcessMaps
import VirtualMemory

/// Another library's map of VMAs, under a lock of its own.
final class PeerSide: TextSide, @unchecked Sendable {
  // Sendable: the functions take the lock.
  let name: String
  private let functions: baselines_map_peer
  private let map: UnsafeMutableRawPointer

  init(_ peer: Peer<baselines_map_peer>) {
    (name, functions) = (peer.name, peer.functions)
    map = functions.make()
  }

  deinit { functions.destroy(map) }

  /// Adds what a line of `text` says.
  func add(_ line: ProcMapsLine, of text: [UInt8]) {
    var flags: UInt32 = line.isShared ? BASELINES_SHARED : 0
    if line.protection.contains(.read) { flags |= BASELINES_READABLE }
    if line.protection.contains(.write) { flags |= BASELINES_WRITABLE }
    if line.protection.contains(.execute) { flags |= BASELINES_EXECUTABLE }
    text[line.nameRange].withUnsafeBytes { name in
      var vma = baselines_vma(
        start: line.start, end: line.end, offset: line.offset, inode: line.inode,
        device_major: line.device.major, device_minor: line.device.minor, flags: flags,
        name_size: UInt32(name.count),
        name: name.baseAddress?.assumingMemoryBound(to: CChar.self))
      functions.add(map, &vma)
    }
  }

  func change(_ slot: Int, maps: Bool) {
    let start = MappedWorld.address(of: slot)
    let end = start + AddressSpace.pageSize
    guard maps else { return functions.unmap(map, start, end) }
    var vma = baselines_vma()
    (vma.start, vma.end, vma.flags) = (start, end, Self.access(MappedWorld.isWritable(slot)))
    functions.map(map, &vma)
  }

  func protect(_ slot: Int, writable: Bool) {
    let start = MappedWorld.address(of: slot)
    functions.protect(map, start, start + AddressSpace.pageSize, Self.access(writable))
  }

  private static func access(_ writable: Bool) -> UInt32 {
    writable ? BASELINES_READABLE | BASELINES_WRITABLE : BASELINES_READABLE
  }

  func query(_ addresses: RandomAddresses, _ count: Int) -> Int {
    Int(truncatingIfNeeded: functions.query(map, addresses.addresses, addresses.count - 1, count))
  }

  func dumpWhole() -> Int {
    var text: UnsafePointer<CChar>?
    return functions.dump(map, &text)
  }

  func makeChunks() -> any MapChunks { PeerChunks(self, functions, map) }

  func text() -> [UInt8] {
    var text: UnsafePointer<CChar>?
    let count = functions.dump(map, &text)
    return Array(UnsafeRawBufferPointer(start: text, count: count))
  }

  /// Bytes that it has allocated for the VMAs.
  var memoryBytes: Int { functions.memory_bytes(map) }
}

private final class PeerChunks: MapChunks {
  // Keeps the map.
  private let side: PeerSide
  private let functions: baselines_map_peer
  private let map: UnsafeMutableRawPointer
  private let chunk = UnsafeMutablePointer<CChar>.allocate(capacity: Int(BASELINES_CHUNK_BYTES))
  private var position: UInt64 = 0

  init(_ side: PeerSide, _ functions: baselines_map_peer, _ map: UnsafeMutableRawPointer) {
    (self.side, self.functions, self.map) = (side, functions, map)
  }

  deinit { chunk.deallocate() }

  func next() -> Int {
    let count = functions.dump_chunk(map, &position, chunk)
    if count == 0 { position = 0 }
    return count
  }
}
