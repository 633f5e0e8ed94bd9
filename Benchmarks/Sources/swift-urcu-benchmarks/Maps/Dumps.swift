// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// Making the text.
enum Dumps {
  static let title = "Dump, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000))
    guard let kernel = world.kernel else { preconditionFailure("few enough for the kernel") }
    let store = try world.makeStore("snapshot")
    let readersFirst = try world.makeStore("locked", preferring: .readers)
    let peers = try effort.peers.maps.map(world.makePeer)
    let baseline = "kernel, reads of 4 KiB"
    func loop(
      _ name: String, _ meaning: String, _ body: @escaping () throws -> Int
    ) -> Subject {
      .loop(
        name, against: name == baseline ? nil : baseline, meaning: meaning, effort: effort,
        iteration: Double(world.lineCount)
      ) { count in
        var bytes = 0
        for _ in 0..<count { bytes &+= try body() }
        return bytes
      }
    }
    func chunks(_ side: any TextSide) throws -> Subject {
      let chunks = try side.makeChunks()
      return loop("\(side.name), chunks", "one line, by chunks of at most 4,095 bytes") {
        try chunks.readAll()
      }
    }
    func whole(_ side: any TextSide) -> Subject {
      loop("\(side.name), whole", "one line, into a buffer that is used again") {
        try side.dumpWhole()
      }
    }
    let kernelChunks = try kernel.makeChunks()
    return Group(
      title: title,
      subjects: [
        loop(baseline, "one line of /proc/self/maps") { try kernelChunks.readAll() },
        loop("kernel, reads of 64 KiB", "one line of /proc/self/maps") {
          try kernel.dumpWhole()
        },
      ] + peers.map(whole)
        + (try peers.map(chunks)) + [
          whole(store), try chunks(store),
          try chunks(store.reading("locked, writers first", by: .locked)),
          try chunks(readersFirst.reading("locked, readers first", by: .locked)),
          try chunks(store.reading("speculative", by: .speculative)),
        ]
    ) { try check(kernel, store, peers) }
  }

  /// The region's lines are the kernel's, and all lines of the peers are ours.
  private static func check(
    _ kernel: KernelSide, _ store: StoreSide, _ peers: [PeerSide]
  ) throws {
    guard try kernel.regionStarts() == store.regionStarts() else {
      fail("the address space and the kernel have different VMAs", code: 70)
    }
    let text = store.text()
    for peer in peers where peer.text() != text {
      fail("\(peer.name) makes another text than the address space", code: 70)
    }
  }
}
