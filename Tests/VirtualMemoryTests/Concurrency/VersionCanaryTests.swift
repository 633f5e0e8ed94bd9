// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

@testable import VirtualMemory

/// A silent checker proves nothing: without a step that protects them, readers must be seen to read
/// what is being reused.
///
/// Each mutant runs in a process of its own. In sanitizer builds ThreadSanitizer must report it; in
/// others the reader must find a tree that is none, or crash on it.
@Suite(.serialized, .stress) struct VersionCanaryTests {
  static let duration = Duration.seconds(30)
  /// ThreadSanitizer's own, as its default and as our scripts set it.
  private static let reportStatus: Int32 = 66
  static let violationStatus: Int32 = 42

  static var found: ExitTest.Condition {
    isThreadSanitizerBuild ? .exitCode(reportStatus) : .failure
  }

  // MARK: Walking a version

  @Test func walkOutsideOfASectionIsFound() async {
    // The reader may follow what isn't a pointer any more before the race on it is reported: every
    // run must be found, and one of a few by the report of the race.
    for attempt in 1...Self.maximumAttempts {
      let result = await #expect(
        processExitsWith: Self.found, observing: [\.standardErrorContent]
      ) {
        VersionCanaryTests.walk(inSection: false, for: Self.duration)
      }
      if attempt == Self.maximumAttempts || Self.reportsARace(result) {
        Self.expectReport(result)
        return
      }
    }
  }

  static let maximumAttempts = 8

  @Test func walkInASectionIsRight() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      VersionCanaryTests.walk(inSection: true, for: StressOptions.duration)
    }
    Self.expectNoReport(result)
  }

  private static func walk(inSection: Bool, for duration: Duration) -> Never {
    endTrapsLikeReports()
    guard let region = try? Region() else { exit(1) }
    let deadline = ContinuousClock.now + duration
    let stop = Flag()
    let violations = InstanceCounter()
    runThreads([
      {
        while !stop.isRaisedRelaxed && ContinuousClock.now < deadline {
          region.churnUnlogged(count: 1000)
        }
        stop.raise()
      },
      {
        while !stop.isRaisedRelaxed {
          let isRight =
            inSection
            ? RCU.withReadSection { _ in slowWalk(region.space.currentVersion) }
            : slowWalk(region.space.currentVersion)
          if isRight { continue }
          violations.add()
          // In sanitizer builds the report counts, not the value.
          if !isThreadSanitizerBuild { stop.raise() }
        }
      },
    ])
    exit(violations.created > 0 && !isThreadSanitizerBuild ? violationStatus : 0)
  }

  /// What a reader makes of a reused node may trap before the race is reported, as it may follow a
  /// wild pointer, which ThreadSanitizer ends with its exit code: with that, and without a report,
  /// the test tries again.
  static func endTrapsLikeReports() {
    guard isThreadSanitizerBuild else { return }
    for number in [SIGILL, SIGTRAP] { signal(number) { _ in _exit(66) } }
  }

  private static let stretches = Atomic(0)

  /// Whether the VMAs are what the version counts; with pauses, for the writer to go on meanwhile.
  static func slowWalk(_ version: Version) -> Bool {
    var pageCount: UInt64 = 0
    var count = 0
    var position: UInt64 = 0
    // Long enough for the root to be retired, reused and poisoned, if it isn't protected: the race
    // is reported here, before a pointer in a reused node is followed.
    if isThreadSanitizerBuild, let root = unsafe version.tree.root {
      for _ in 0..<1000 {
        usleep(20)
        // Nobody loads it: it orders nothing, but begins a new stretch for ThreadSanitizer, which
        // records an access once per stretch, and reports no race with one that it has recorded too
        // long ago.
        stretches.add(1, ordering: .releasing)
        unsafe lookAt(root)
      }
    }
    while true {
      guard position < version.tree.maximumEnd, let leaf = leaf(above: position, in: version) else {
        break
      }
      usleep(20)
      unsafe lookAt(leaf.base)
      let first = leaf.rank(position)
      let leafCount = leaf.count
      guard leafCount <= NodeLayout.leafCapacity, first < leafCount else { return false }
      for index in first..<leafCount {
        let record = leaf.record(index)
        guard record.start < record.end, record.start >= position else { return false }
        pageCount &+= record.pageCount
        count += 1
        position = record.end
      }
    }
    return count == version.mapCount && pageCount == version.pageCount
  }

  /// `Tree.find`, looking at each node before its contents are used.
  private static func leaf(above position: UInt64, in version: Version) -> Leaf? {
    guard var node = unsafe version.tree.root else { return nil }
    for _ in 0..<version.tree.height {
      unsafe lookAt(node)
      let inner = unsafe InnerNode(node)
      unsafe node = inner.child(min(inner.rank(position), NodeLayout.innerCapacity - 1))
      // A block's address, whatever became of the block it was read from.
      guard UInt(bitPattern: node) % 64 == 0 else { return nil }
    }
    unsafe lookAt(node)
    return unsafe Leaf(node)
  }

  /// Reads the node's keys through a typed pointer: unoptimised code reads raw memory in the
  /// standard library's functions, which ThreadSanitizer doesn't see.
  ///
  /// - Safety: `node` is a node's block, or was one.
  @unsafe
  private static func lookAt(_ node: UnsafeMutableRawPointer) {
    let words = unsafe node.assumingMemoryBound(to: UInt64.self)
    var sum: UInt64 = 0
    for index in 0..<NodeLayout.innerCapacity { unsafe sum &+= words[index] }
    withExtendedLifetime(sum) {}
  }

  // MARK: Recycling nodes

  /// Blocks that go back to the pool without waiting for readers.
  @Test func blocksHandedBackAtOnceAreFound() async {
    let result = await #expect(
      processExitsWith: Self.found, observing: [\.standardErrorContent]
    ) {
      VersionCanaryTests.recycle(waits: false, for: Self.duration)
    }
    Self.expectReport(result)
  }

  @Test func blocksHandedBackAfterAGracePeriodAreRight() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      VersionCanaryTests.recycle(waits: true, for: StressOptions.duration)
    }
    Self.expectNoReport(result)
  }

  /// Publishes block after block, each filled with one word.
  private static func recycle(waits: Bool, for duration: Duration) -> Never {
    let published = Published()
    let stop = Flag()
    let violations = InstanceCounter()
    let deadline = ContinuousClock.now + duration
    runThreads([
      {
        var pool = NodePool<BulletproofFlavor>(blockBytes: [Published.blockBytes])
        var stamp: UInt64 = 0
        while !stop.isRaisedRelaxed && ContinuousClock.now < deadline {
          for _ in 0..<1000 {
            stamp += 1
            let block = unsafe pool.allocate(sizeClass: 0)
            guard let old = unsafe published.exchange(block, stamp) else { continue }
            if waits {
              unsafe pool.retire(old, sizeClass: 0)
            } else {
              unsafe pool.free(old, sizeClass: 0)
            }
          }
        }
        stop.raise()
        // The pool goes a grace period after this.
        published.clear()
      },
      {
        while !stop.isRaisedRelaxed {
          if RCU.withReadSection({ _ in published.isWhole() }) { continue }
          violations.add()
          if !isThreadSanitizerBuild { stop.raise() }
        }
      },
    ])
    exit(violations.created > 0 && !isThreadSanitizerBuild ? violationStatus : 0)
  }

  /// One block of words that are all the same.
  private final class Published: Sendable {
    static let blockBytes = 1024
    private let current = Atomic<UInt>(0)

    // Typed pointers, whose accesses ThreadSanitizer sees in unoptimised code too.

    /// - Safety: `block` is the caller's, of `blockBytes` bytes.
    @unsafe
    func exchange(
      _ block: UnsafeMutableRawPointer, _ stamp: UInt64
    ) -> UnsafeMutableRawPointer? {
      let words = unsafe block.assumingMemoryBound(to: UInt64.self)
      for index in 0..<Self.blockBytes / 8 { unsafe words[index] = stamp }
      let old = current.exchange(UInt(bitPattern: block), ordering: .acquiringAndReleasing)
      return unsafe UnsafeMutableRawPointer(bitPattern: old)
    }

    func clear() { current.store(0, ordering: .releasing) }

    func isWhole() -> Bool {
      let word = current.load(ordering: .acquiring)
      guard let words = unsafe UnsafePointer<UInt64>(bitPattern: word) else { return true }
      let stamp = unsafe words[0]
      for index in 1..<Self.blockBytes / 8 {
        if unsafe words[index] != stamp { return false }
      }
      return true
    }
  }

  // MARK: Reports

  static func reportsARace(_ result: ExitTest.Result?) -> Bool {
    guard let result, isThreadSanitizerBuild else { return true }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    return messages.contains("WARNING: ThreadSanitizer: data race")
  }

  static func expectReport(_ result: ExitTest.Result?) {
    #expect(
      reportsARace(result),
      "\(result.map { String(decoding: $0.standardErrorContent, as: UTF8.self) } ?? "")")
  }

  static func expectNoReport(_ result: ExitTest.Result?) {
    guard let result else { return }
    let messages = String(decoding: result.standardErrorContent, as: UTF8.self)
    #expect(!messages.contains("ThreadSanitizer"))
  }
}
