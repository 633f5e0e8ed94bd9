// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import VirtualMemory

/// What `--json` prints, an object per update.
struct JSONReport: Codable, Hashable, Sendable {
  /// What an object is about.
  enum Event: String, Codable, Sendable {
    /// The whole map: the first object.
    case state
    /// What has changed since the object before.
    case changes
    /// There will be no more.
    case end
  }

  var event: Event
  var pid: Int32
  var command: String
  /// As in ISO 8601, in UTC.
  var time: String
  var generation: UInt64
  var mappingCount: Int
  var maximumMapCount: Int?
  var headroom: Int?
  var mappedBytes: UInt64
  var bytesByKind: [MappingKind: UInt64]
  var freshness: Freshness
  /// With ``Event/state`` only.
  var mappings: [VMA]?
  /// With ``Event/changes`` only.
  var changes: [Change]?
  /// Since the start.
  var growthByFile: [OwnerGrowth]
  var growthByName: [OwnerGrowth]
  /// With ``Event/end`` only: `exited`, `replaced` or `detached`.
  var reason: String?

  /// Has one field if a mapping was removed or added, and both if one has changed.
  struct Change: Codable, Hashable, Sendable {
    var removed: VMA?
    var added: VMA?

    init(_ change: MapsDifference.Change) {
      switch change {
      case .removed(let vma): removed = vma
      case .added(let vma): added = vma
      case .changed(let old, let new): (removed, added) = (old, new)
      }
    }
  }

  /// A ``Growth``; the name is a string, or, if it isn't UTF-8, an array of numbers, as in `VMA`.
  struct OwnerGrowth: Codable, Hashable, Sendable {
    var name: String?
    var nameBytes: [UInt8]?
    var bytes: UInt64
    var addedBytes: Int64
    var mappingCount: Int
    var addedMappings: Int

    init(_ growth: Growth) {
      name = String(validating: growth.owner.name, as: UTF8.self)
      if name == nil { nameBytes = growth.owner.name }
      bytes = growth.bytes
      addedBytes = growth.addedBytes
      mappingCount = growth.mappingCount
      addedMappings = growth.addedMappings
    }
  }

  init(_ watch: Watch, _ event: Event) {
    self.event = event
    pid = watch.process.pid
    command = watch.command
    time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    generation = watch.snapshot.generation
    mappingCount = watch.snapshot.count
    maximumMapCount = WatchedProcess.maximumMapCount
    headroom = maximumMapCount.map { max(0, $0 - watch.snapshot.count) }
    mappedBytes = watch.snapshot.mappedBytes
    bytesByKind = watch.tally.byKind.mapValues(\.bytes)
    freshness = watch.freshness
    let growth = watch.growth
    growthByFile = growth.filter(\.owner.isFile).map(OwnerGrowth.init)
    growthByName = growth.filter { !$0.owner.isFile }.map(OwnerGrowth.init)
    if event == .state { mappings = Array(watch.snapshot) }
  }

  init(_ watch: Watch, changes: [MapsDifference.Change]) {
    self.init(watch, .changes)
    self.changes = changes.map(Change.init)
  }

  init(_ watch: Watch, end: MapsUpdate.End) {
    self.init(watch, .end)
    reason = end.word
  }

  /// One line of JSON, with its newline.
  func line() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
  }
}
