// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

@Suite struct MapsUpdatesTests {
  private let page = AddressSpace.pageSize

  /// The next element, if it is a difference.
  private func nextChanges(
    _ iterator: inout MapsUpdates.Iterator
  ) async -> MapsDifference? {
    guard case .changes(let difference)? = await iterator.next() else { return nil }
    return difference
  }

  @Test func firstTheStateThenWhatDiffers() async throws {
    let space = AddressSpace()
    let range = try space.map(length: page)
    var iterator = space.updates().makeAsyncIterator()
    guard case .state(let state)? = await iterator.next() else {
      Issue.record("the state comes first")
      return
    }
    #expect(state.generation == space.generation && state.count == 1)
    try space.unmap(range)
    let difference = try #require(await nextChanges(&iterator))
    #expect(difference.from.generation == state.generation)
    #expect(difference.to.generation == space.generation)
    #expect(difference.map { "\($0)".prefix(1) } == ["-"])
  }

  /// However slow, nothing is lost, and there is one difference for all.
  @Test func slowReadersGetOneDifference() async throws {
    let space = AddressSpace()
    var iterator = space.updates().makeAsyncIterator()
    _ = await iterator.next()
    for index in 0..<100 as Range<UInt64> {
      try space.map(length: page, at: .fixed(0x10000 + 2 * index * page))
    }
    for index in 0..<99 as Range<UInt64> {
      let start = 0x10000 + 2 * index * page
      try space.unmap(start..<start + page)
    }
    let difference = try #require(await nextChanges(&iterator))
    #expect(difference.map { "\($0)".prefix(1) } == ["+"])
    #expect(difference.to.generation == space.generation)
    // What is kept meanwhile is one version, and it goes.
    #expect(space.snapshotStatistics.versionCount <= 2)
  }

  @Test func resumesFromASnapshot() async throws {
    let space = AddressSpace()
    let before = space.snapshot()
    try space.map(length: page)
    var iterator = space.updates(since: before).makeAsyncIterator()
    let difference = try #require(await nextChanges(&iterator))
    #expect(difference.from === before && difference.to.generation == space.generation)
  }

  @Test func endsWithItsReasonWhenAllIsTold() async throws {
    let space = AddressSpace()
    var iterator = space.updates().makeAsyncIterator()
    _ = await iterator.next()
    try space.map(length: page)
    space.endUpdates(.replaced)
    // The first reason counts.
    space.endUpdates(.exited)
    _ = try #require(await nextChanges(&iterator))
    guard case .ended(.replaced)? = await iterator.next() else {
      Issue.record("it ends with the reason")
      return
    }
    let afterwards = await iterator.next()
    #expect(afterwards == nil)
  }

  @Test func cancellationEndsTheWait() async throws {
    let space = AddressSpace()
    let task = Task {
      var count = 0
      for await _ in space.updates() { count += 1 }
      return count
    }
    try await Task.sleep(for: .milliseconds(5))
    task.cancel()
    #expect(await task.value <= 1)
    // Cancelled before it begins.
    let late = Task {
      unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
      var iterator = space.updates().makeAsyncIterator()
      _ = await iterator.next()
      let next = await iterator.next()
      return next == nil
    }
    #expect(await late.value)
  }

  @Test func changesAreMergedForAsLongAsIsAsked() async throws {
    let space = AddressSpace()
    var iterator = space.updates(atMostEvery: .milliseconds(20)).makeAsyncIterator()
    _ = await iterator.next()
    try space.map(length: page)
    _ = try #require(await nextChanges(&iterator))
    let start = ContinuousClock.now
    try space.map(length: page)
    try space.map(length: page, sharing: .shared)
    let merged = try #require(await nextChanges(&iterator))
    #expect(ContinuousClock.now - start >= .milliseconds(10))
    #expect(merged.to.generation == space.generation)
  }

  /// Each of many readers rebuilds the map from what it is told, while it changes.
  @Test(.stress) func everyReaderHasTheMapInTheEnd() async throws {
    let space = AddressSpace()
    let readerCount = 100
    let end = ContinuousClock.now + StressOptions.duration
    try await withThrowingTaskGroup(of: [VMA].self) { group in
      for _ in 0..<readerCount {
        group.addTask {
          var map: [UInt64: VMA] = [:]
          var generation: UInt64 = 0
          for await update in space.updates() {
            switch update {
            case .state(let snapshot):
              for vma in snapshot { map[vma.start] = vma }
              generation = snapshot.generation
            case .changes(let difference):
              #expect(difference.from.generation == generation, "no gap")
              generation = difference.to.generation
              for change in difference {
                switch change {
                case .removed(let vma): #expect(map.removeValue(forKey: vma.start) == vma)
                case .added(let vma): #expect(map.updateValue(vma, forKey: vma.start) == nil)
                case .changed(let old, let new):
                  #expect(map.updateValue(new, forKey: new.start) == old)
                }
              }
            case .ended: break
            }
          }
          return map.values.sorted { $0.start < $1.start }
        }
      }
      var random = SeededGenerator(seed: 3)
      repeat {
        let start = 0x10000 + random.below(256) * page
        let range = start..<start + (1 + random.below(6)) * page
        switch random.below(3) {
        case 0: try? space.unmap(range)
        case 1: try? space.protect(range, random.below(2) == 0 ? .read : [.read, .write])
        default: _ = try? space.map(length: UInt64(range.count), at: .fixed(start))
        }
        if random.below(50) == 0 { await Task.yield() }
      } while ContinuousClock.now < end
      space.endUpdates(.exited)
      for try await map in group { #expect(map == Array(space.snapshot())) }
    }
  }
}
