// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

@Suite struct MapsServiceUpdatesTests {
  private let page = AddressSpace.pageSize

  @Test func startsChangesAndEnds() async throws {
    let service = MapsService()
    let first = try service.create(1)
    try first.map(length: page)
    var iterator = service.updates().makeAsyncIterator()
    let all = try #require(await iterator.next())
    #expect(all.started.mapValues(\.count) == [1: 1] && all.changed.isEmpty && all.ended.isEmpty)
    try service.create(2)
    let range = try first.map(length: page, protection: .read)
    let more = try #require(await iterator.next())
    #expect(Array(more.started.keys) == [2] && Array(more.changed.keys) == [1])
    #expect(more.changed[1]?.map { "\($0)".prefix(1) } == ["+"])
    try service.exit(2)
    try first.unmap(range)
    let less = try #require(await iterator.next())
    #expect(less.ended == [2: .exited] && less.changed[1]?.map { "\($0)".prefix(1) } == ["-"])
    // Another program under the same pid.
    try service.exec(1)
    let other = try #require(await iterator.next())
    #expect(other.ended == [1: .replaced] && other.started.mapValues(\.count) == [1: 0])
    #expect(other.changed.isEmpty)
  }

  @Test func oneProcessOfTheServiceEnds() async throws {
    let service = MapsService()
    try service.create(1).map(length: page)
    var iterator = try service.updates(of: 1).makeAsyncIterator()
    _ = await iterator.next()
    try service.exit(1)
    guard case .ended(.exited)? = await iterator.next() else {
      Issue.record("it ends")
      return
    }
  }

  /// A process has left the table before it says why.
  @Test(.timeLimit(.minutes(1))) func whyAProcessEndedIsWaitedFor() async throws {
    let service = MapsService()
    try service.create(1)
    let old = try service.process(1)
    var iterator = service.updates().makeAsyncIterator()
    _ = await iterator.next()
    service.processes.removeValue(forKey: 1)
    try service.create(2)
    let first = try #require(await iterator.next())
    #expect(first.ended.isEmpty && Array(first.started.keys) == [2])
    // Another process, with the same pid.
    try service.create(1)
    try service.create(3)
    let second = try #require(await iterator.next())
    #expect(second.ended.isEmpty && Array(second.started.keys) == [3])
    old.finish(.exited)
    let third = try #require(await iterator.next())
    #expect(third.ended == [1: .exited] && Array(third.started.keys) == [1])
  }

  @Test func cancellationEndsTheWait() async {
    let service = MapsService()
    let task = Task {
      var count = 0
      for await _ in service.updates() { count += 1 }
      return count
    }
    try? await Task.sleep(for: .milliseconds(5))
    task.cancel()
    #expect(await task.value <= 1)
  }

  /// Threads look up and read, while processes come, fork, change, and go.
  @Test(.stress) func processesComeAndGoWhileTheyAreRead() async throws {
    let service = MapsService()
    let end = ContinuousClock.now + StressOptions.duration
    let address: UInt64 = 0x10000
    // Always there, always with one VMA or two.
    try service.create(0).map(length: page, at: .fixed(address))
    let page = page
    await withTaskGroup(of: Void.self) { group in
      for seed in 1...2 as ClosedRange<UInt64> {
        group.addTask {
          var random = SeededGenerator(seed: seed)
          while ContinuousClock.now < end {
            let pid = Int32(random.below(8))
            switch random.below(6) {
            case 0: if pid != 0 { _ = try? service.create(pid) }
            case 1: if pid != 0 { _ = try? service.fork(0, as: pid) }
            case 2: if pid != 0 { _ = try? service.exec(pid) }
            case 3: if pid != 0 { try? service.exit(pid) }
            case 4:
              _ = try? service.space(of: pid).map(length: page, at: .fixed(address + 2 * page))
            default: try? service.space(of: pid).unmap(address + 2 * page..<address + 3 * page)
            }
          }
        }
      }
      group.addTask {
        while ContinuousClock.now < end {
          let answer = try? service.lookup(address, in: 0)
          #expect(answer?.vma?.range == address..<address + page)
          for pid in 0..<8 as Range<Int32> {
            guard var reader = try? service.makeReader(of: pid) else { continue }
            while let chunk = try? reader.read(count: 100), !chunk.isEmpty {}
            if let totals = try? service.totals(of: pid) { #expect(totals.count <= 2) }
          }
        }
      }
      group.addTask {
        var counts: [Int32: Int] = [:]
        for await update in service.updates() {
          for pid in update.ended.keys { #expect(counts.removeValue(forKey: pid) != nil) }
          for (pid, snapshot) in update.started {
            #expect(counts.updateValue(snapshot.count, forKey: pid) == nil)
          }
          for (pid, difference) in update.changed {
            #expect(counts[pid] == difference.from.count)
            counts[pid] = difference.to.count
          }
          if ContinuousClock.now > end { break }
        }
      }
      // The feed ends with a change.
      while ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(1)) }
      try? await Task.sleep(for: .milliseconds(1))
      _ = try? service.space(of: 0).map(length: page, at: .fixed(address + 8 * page))
    }
    try service.space(of: 0)._checkInvariants()
  }
}
