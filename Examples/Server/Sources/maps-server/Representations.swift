// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

// What the answers look like as JSON; README.md describes it.

struct ProcessListAnswer: Encodable {
  let maximumMapCount: Int
  let processes: [ProcessAnswer]
}

struct ProcessAnswer: Encodable {
  let pid: Int32
  let command: String
  let kind: String
  let state: MirrorState
  let source: String?
  let unverifiedSeconds: Double?
  let generation: UInt64
  let mappings: Int
  let mappedBytes, anonymousBytes, sharedBytes, fileBytes, dataBytes, lockedBytes: UInt64
  let executableBytes, writableExecutableBytes: UInt64

  private enum CodingKeys: String, CodingKey {
    case pid, command, kind, state, source, unverifiedSeconds, generation, mappings
    case mappedBytes, anonymousBytes, sharedBytes, fileBytes, dataBytes, lockedBytes
    case executableBytes, writableExecutableBytes
  }

  init(pid: Int32, command: String, mirror: ProcessMirror?, totals: MapsTotals) {
    self.pid = pid
    self.command = command
    kind = mirror == nil ? "model" : "mirror"
    state = mirror?.state ?? .live
    source = mirror?.source.description
    if case .unverified(let duration) = mirror?.freshness {
      unverifiedSeconds = duration / .seconds(1)
    } else {
      unverifiedSeconds = nil
    }
    generation = totals.generation
    mappings = totals.count
    mappedBytes = totals.mappedBytes
    anonymousBytes = totals.anonymousBytes
    sharedBytes = totals.sharedBytes
    fileBytes = totals.fileBytes
    dataBytes = totals.dataBytes
    lockedBytes = totals.lockedBytes
    executableBytes = totals.executableBytes
    writableExecutableBytes = totals.writableExecutableBytes
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(pid, forKey: .pid)
    try container.encode(command, forKey: .command)
    try container.encode(kind, forKey: .kind)
    try container.encode("\(state)", forKey: .state)
    // Null instead of nothing.
    try container.encode(source, forKey: .source)
    try container.encode(unverifiedSeconds, forKey: .unverifiedSeconds)
    try container.encode(generation, forKey: .generation)
    try container.encode(mappings, forKey: .mappings)
    try container.encode(mappedBytes, forKey: .mappedBytes)
    try container.encode(anonymousBytes, forKey: .anonymousBytes)
    try container.encode(sharedBytes, forKey: .sharedBytes)
    try container.encode(fileBytes, forKey: .fileBytes)
    try container.encode(dataBytes, forKey: .dataBytes)
    try container.encode(lockedBytes, forKey: .lockedBytes)
    try container.encode(executableBytes, forKey: .executableBytes)
    try container.encode(writableExecutableBytes, forKey: .writableExecutableBytes)
  }
}

struct MappingAnswer: Encodable {
  let start, end, access, offset, device: String
  let inode: UInt64
  let name: String

  init(_ vma: VMA) {
    start = hexadecimal(vma.start)
    end = hexadecimal(vma.end)
    access =
      (vma.protection.contains(.read) ? "r" : "-")
      + (vma.protection.contains(.write) ? "w" : "-")
      + (vma.protection.contains(.execute) ? "x" : "-") + (vma.isShared ? "s" : "p")
    offset = hexadecimal(vma.offset)
    device = vma.device.description
    inode = vma.inode
    name = vma.nameString
  }

  init(_ answer: NamedQueryResult) {
    let result = answer.result
    start = hexadecimal(result.start)
    end = hexadecimal(result.end)
    access =
      (result.flags.contains(.readable) ? "r" : "-")
      + (result.flags.contains(.writable) ? "w" : "-")
      + (result.flags.contains(.executable) ? "x" : "-")
      + (result.flags.contains(.shared) ? "s" : "p")
    offset = hexadecimal(result.offset)
    device = result.device.description
    inode = result.inode
    name = String(decoding: answer.name, as: UTF8.self)
  }
}

struct QueryAnswer: Encodable {
  struct Answer: Encodable {
    let address: String
    let mapping: MappingAnswer?

    private enum CodingKeys: String, CodingKey { case address, mapping }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(address, forKey: .address)
      try container.encode(mapping, forKey: .mapping)
    }
  }

  let generation: UInt64
  let version: String
  let answers: [Answer]
}

struct DifferenceAnswer: Encodable {
  struct Growth: Encodable {
    let name: String
    let bytes: Int64
    let count: Int
  }

  let pid: Int32
  let from, to: UInt64
  let version: String
  let removed, added: [MappingAnswer]
  let growth: [Growth]

  init(_ difference: MapsDifference, pid: Int32, version: String) {
    var (removed, added) = ([MappingAnswer](), [MappingAnswer]())
    for change in difference {
      switch change {
      case .removed(let vma): removed.append(MappingAnswer(vma))
      case .added(let vma): added.append(MappingAnswer(vma))
      case .changed(let old, let new):
        removed.append(MappingAnswer(old))
        added.append(MappingAnswer(new))
      }
    }
    self.pid = pid
    self.version = version
    self.removed = removed
    self.added = added
    from = difference.from.generation
    to = difference.to.generation
    growth = difference.growth().map {
      Growth(name: String(decoding: $0.name, as: UTF8.self), bytes: $0.bytes, count: $0.count)
    }
  }
}

/// A whole map in one piece, for events; answers of requests are written in parts.
struct MapsAnswer: Encodable {
  let pid: Int32
  let generation: UInt64
  let version: String
  let mappings: [MappingAnswer]

  init(_ snapshot: MapsSnapshot, pid: Int32, version: String) {
    self.pid = pid
    self.version = version
    generation = snapshot.generation
    mappings = snapshot.map(MappingAnswer.init)
  }
}

struct EndAnswer: Encodable {
  let reason: String
}

struct ServiceChangeAnswer: Encodable {
  let started, changed, ended: [Int32]
}

struct ErrorAnswer: Encodable {
  let error: String
}

func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
