// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import SystemPackage
import TestSupport

@testable import VirtualMemory

/// A region whose pages are mapped and unmapped at random, but for every 64th, which stays; with a
/// log of what was done.
final class Region: Sendable {
  static let pageCount: UInt64 = 4096
  /// Mapped `r-x`, and never changed.
  static let fixedEvery: UInt64 = 64

  let space = AddressSpace()
  private let log = OperationLog()
  private let firstGeneration: UInt64

  private static let fixedPermissions: MapsLine.Permissions = "r-xp"
  private static let churnedPermissions: MapsLine.Permissions = "rw-p"

  init() throws {
    for page in stride(from: 0, to: Self.pageCount, by: Int(Self.fixedEvery)) {
      try space.mapPages(page..<page + 1, "rx")
    }
    firstGeneration = space.generation
  }

  var operationCount: Int { log.count }

  /// Maps or unmaps one page after the other, until the deadline or until the log is full.
  func churn(seed: UInt64, until deadline: ContinuousClock.Instant) {
    var random = SeededGenerator(seed: seed)
    repeat {
      for _ in 0..<16 {
        let page = random.below(Self.pageCount)
        if page % Self.fixedEvery == 0 { continue }
        let isMapped = random.oneIn(2)
        change(page, isMapped)
        log.append(page: page, isMapped: isMapped, generation: space.generation)
      }
    } while ContinuousClock.now < deadline && !log.isFull
    log.close()
  }

  /// The same without a log.
  func churnUnlogged(count: Int) {
    var random = SeededGenerator(seed: space.generation)
    for _ in 0..<count {
      let page = random.below(Self.pageCount)
      if page % Self.fixedEvery != 0 { change(page, random.oneIn(2)) }
    }
  }

  private func change(_ page: UInt64, _ isMapped: Bool) {
    do throws(Errno) {
      if isMapped {
        try space.mapPages(page..<page + 1)
      } else {
        try space.unmapPages(page..<page + 1)
      }
    } catch {
      preconditionFailure("Region: a change failed: \(error)")
    }
  }

  // MARK: Checks

  /// Ends increase, every line is whole, and what is always mapped is there.
  func checkContract(_ text: [UInt8]) {
    guard let lines = MapsLine.parse(text), lines.allSatisfy(\.isPlain) else {
      preconditionFailure("a line is torn:\n" + String(decoding: text, as: UTF8.self))
    }
    var lastEnd: UInt64 = 0
    var fixedCount: UInt64 = 0
    for line in lines {
      precondition(line.start < line.end && line.end > lastEnd, "ends don't increase: \(line)")
      lastEnd = line.end
      if line.permissions == Self.fixedPermissions {
        let page = (line.start - AddressSpace.testBase) / 4096
        precondition(
          page == fixedCount * Self.fixedEvery && line.end == line.start + 4096,
          "a VMA that stays is missing before \(line)")
        fixedCount += 1
      } else {
        precondition(line.permissions == Self.churnedPermissions, "never was: \(line)")
      }
    }
    precondition(fixedCount == Self.pageCount / Self.fixedEvery, "a VMA that stays is missing")
  }

  func checkQuery(_ page: UInt64, _ strategy: ReadingStrategy) {
    let address = AddressSpace.testBase + page * 4096
    let fixed = page - page % Self.fixedEvery
    let found = try? space.query(address + 123, by: strategy)
    if page == fixed {
      precondition(
        found?.start == address && found?.end == address + 4096
          && found?.flags == [.readable, .executable], "a VMA that stays is not found")
    } else if let found {
      // Between the neighbours that stay, and over the page.
      precondition(
        found.start <= address && found.end > address
          && found.start > AddressSpace.testBase + fixed * 4096
          && found.end <= AddressSpace.testBase + (fixed + Self.fixedEvery) * 4096
          && found.flags == [.readable, .writable], "never was: \(found)")
    }
    let next = try? space.query(
      AddressSpace.testBase + fixed * 4096 + 1, matching: [.executable, .coveringOrNext],
      by: strategy)
    precondition(
      next?.start == AddressSpace.testBase + fixed * 4096, "a VMA that stays is not found")
  }

  // MARK: Replay

  /// Which pages were mapped in the version `generation`; `nil` if the log ends before it.
  func state(at generation: UInt64, _ replay: inout Replay) -> [Bool]? {
    while true {
      while replay.position < log.count {
        let entry = log[replay.position]
        if entry.generation > generation { return replay.isMapped }
        replay.isMapped[Int(entry.page)] = entry.isMapped
        replay.position += 1
        replay.generation = entry.generation
      }
      // The log may lag behind the operation that it tells of.
      if replay.generation >= generation || generation == firstGeneration {
        return replay.isMapped
      }
      if log.isClosed && replay.position == log.count { return nil }
      yieldThread()
    }
  }

  /// What a dump shows of these pages.
  func lines(of isMapped: [Bool]) -> [MapsLine] {
    var lines: [MapsLine] = []
    var last: MapsLine.Permissions?
    for (page, isMapped) in isMapped.enumerated() {
      let isFixed = UInt64(page) % Self.fixedEvery == 0
      let permissions =
        isFixed ? Self.fixedPermissions : isMapped ? Self.churnedPermissions : nil
      let start = AddressSpace.testBase + UInt64(page) * 4096
      if let permissions {
        if permissions == last {
          lines[lines.count - 1].end = start + 4096
        } else {
          lines.append(MapsLine(start: start, end: start + 4096, permissions: permissions))
        }
      }
      last = permissions
    }
    return lines
  }
}

/// How far a reader has followed the log. Its dumps' generations ascend.
struct Replay {
  var isMapped = [Bool](repeating: false, count: Int(Region.pageCount))
  var position = 0
  var generation: UInt64 = 0
}

/// What one writer did, for any number of readers: appended to, never changed.
@safe
final class OperationLog: @unchecked Sendable {
  // Sendable: an entry is written before the count that covers it is stored, and never again.
  struct Entry {
    var page: UInt64
    var isMapped: Bool
    /// Of the version that the operation left.
    var generation: UInt64
  }

  private static let capacity = 1 << 22
  private let entries: UnsafeMutablePointer<Entry>
  private let published = Atomic(0)
  private let closed = Atomic(false)

  init() { unsafe entries = .allocate(capacity: Self.capacity) }

  deinit { unsafe entries.deallocate() }

  /// Acquiring. *Pairs with* `append`: the entries below it are seen.
  var count: Int { published.load(ordering: .acquiring) }

  var isFull: Bool { published.load(ordering: .relaxed) + 16 > Self.capacity }

  /// Acquiring. *Pairs with* `close`: whoever sees it sees the last count.
  var isClosed: Bool { closed.load(ordering: .acquiring) }

  subscript(index: Int) -> Entry { unsafe entries[index] }

  func append(page: UInt64, isMapped: Bool, generation: UInt64) {
    let index = published.load(ordering: .relaxed)
    unsafe (entries + index).initialize(
      to: Entry(page: page, isMapped: isMapped, generation: generation))
    // Releasing. Pairs with `count`.
    published.store(index + 1, ordering: .releasing)
  }

  func close() { closed.store(true, ordering: .releasing) }
}
