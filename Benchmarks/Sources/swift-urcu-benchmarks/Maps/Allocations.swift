// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ProcessMaps
import VirtualMemory

/// How often reading asks the allocator for memory.
enum Allocations {
  static let title = "Allocations of a dump, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld(vmaCount: effort.scaled(10_000), hasKernel: false)
    let store = try world.makeStore()
    let addresses = RandomAddresses(world, .hits)
    let first = "whole, first"
    let metrics = [
      (first, "calls of the allocator for a dump into a new buffer"),
      ("whole, second", "for the next one into it"),
      ("chunks, second", "for a dump by chunks by a reader that has made one"),
      ("1,000 queries", "all together"),
    ].map { Metric(name: $0, meaning: $1, unit: "times", baseline: first) }
    let subject = Subject(metrics: metrics) {
      let new = StoreSide("new", store.space, .snapshot)
      let chunks = new.makeChunks()
      _ = try chunks.readAll()
      return [
        Double(count { new.dumpWhole() }), Double(count { new.dumpWhole() }),
        Double(try count { try chunks.readAll() }),
        Double(count { new.query(addresses, 1000) }),
      ]
    }
    return Group(title: title, subjects: [subject])
  }

  private static func count(_ body: () throws -> Int) rethrows -> UInt64 {
    let before = baselines_allocations()
    Sink.take(try body())
    return baselines_allocations() - before
  }
}
