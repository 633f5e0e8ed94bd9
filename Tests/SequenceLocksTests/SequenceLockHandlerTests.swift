// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import SequenceLocks
import Synchronization
import TestSupport
import Testing

/// A value of `SIMD64` bytes times a count: from below the size that fits into temporary memory of
/// the stack to far above.
private protocol Block: BitwiseCopyable, Sendable {
  init(_ byte: UInt8)
}

private typealias Line = SIMD64<UInt8>
private struct Block64: Block {
  var a: Line
  init(_ byte: UInt8) { a = Line(repeating: byte) }
}
private struct Block1024: Block {
  var a: InlineArray<16, Line>
  init(_ byte: UInt8) { a = InlineArray(repeating: Line(repeating: byte)) }
}
/// One byte more than fits.
private struct Block1025: Block {
  var a: InlineArray<1025, UInt8>
  init(_ byte: UInt8) { a = InlineArray(repeating: byte) }
}
private struct Block1280: Block {
  var a: InlineArray<20, Line>
  init(_ byte: UInt8) { a = InlineArray(repeating: Line(repeating: byte)) }
}
private struct Block16391: Block {
  var a: InlineArray<16391, UInt8>
  init(_ byte: UInt8) { a = InlineArray(repeating: byte) }
}

/// `loadIfStable()` in signal handlers that interrupt `malloc`, and threads that begin and end.
@Suite struct SequenceLockHandlerTests {
  /// Each in a process of its own: the handler is the process's.
  @Test(.stress) func loadsInHandlersStress() async {
    await #expect(processExitsWith: .exitCode(0)) {
      SequenceLockHandlerTests.run()
    }
  }

  private static func run() {
    let world = HandlerWorld.shared
    world.load()
    handleSignal(SIGUSR1) { _ in HandlerWorld.shared.load() }
    let isStopping = Flag()
    let current = Atomic<Int32>(0)
    let signaller = ThreadSignaller()
    let killer = RunningThread {
      while !isStopping.isRaised {
        signaller.send(SIGUSR1, to: current.load(ordering: .relaxed))
        usleep(20)
      }
    }
    let writer = RunningThread {
      var byte: UInt8 = 0
      repeat {
        byte &+= 1
        world.store(byte)
      } while !isStopping.isRaised
    }
    let deadline = ContinuousClock.now + StressOptions.duration
    repeat {
      RunningThread {
        unblockSignal(SIGUSR1)
        current.store(currentThreadID(), ordering: .relaxed)
        var kept: [[UInt8]] = []
        for index in 0..<2000 {
          kept.append([UInt8](repeating: 1, count: 1200 + index % 3000))
          if kept.count > 9 { kept.removeAll() }
        }
      }.join()
    } while ContinuousClock.now < deadline
    isStopping.raise()
    killer.join()
    writer.join()
    let (loads, torn) = world.totals
    precondition(loads > 0, "no handler read")
    precondition(torn == 0, "\(torn) values were torn")
  }

  /// What a copy of a large value is made of: each byte, also those of the last word.
  @Test func largeValuesAreWhole() {
    func check<Value: Block>(_: Value.Type) {
      let lock = SharedSequenceLock(Value(1))
      for byte: UInt8 in [1, 0xff, 0x80] {
        lock.store(Value(byte))
        for value in [lock.load(), lock.loadIfStable()!] {
          unsafe withUnsafeBytes(of: value) { bytes in
            #expect(unsafe bytes.allSatisfy { $0 == byte })
          }
        }
      }
      lock.withWriteLock { $0 = Value(7) }
      unsafe withUnsafeBytes(of: lock.load()) { bytes in
        #expect(unsafe bytes.allSatisfy { $0 == 7 })
      }
    }
    check(Block1024.self)
    check(Block1025.self)
    check(Block1280.self)
    check(Block16391.self)
  }
}

private final class HandlerWorld: Sendable {
  static let shared = HandlerWorld()

  private let a = SequenceLock(Block64(0))
  private let b = SequenceLock(Block1024(0))
  private let c = SequenceLock(Block1025(0))
  private let d = SequenceLock(Block1280(0))
  private let e = SequenceLock(Block16391(0))
  private let loads = Atomic(0)
  private let torn = Atomic(0)

  func load() {
    check(a.loadIfStable())
    check(b.loadIfStable())
    check(c.loadIfStable())
    check(d.loadIfStable())
    check(e.loadIfStable())
  }

  private func check<Value: Block>(_ value: Value?) {
    guard let value else { return }
    loads.wrappingAdd(1, ordering: .relaxed)
    let isWhole = unsafe withUnsafeBytes(of: value) { bytes in
      let first = unsafe bytes[0]
      for index in 0..<bytes.count where unsafe bytes[index] != first { return false }
      return true
    }
    if !isWhole { torn.wrappingAdd(1, ordering: .relaxed) }
  }

  func store(_ byte: UInt8) {
    a.store(Block64(byte))
    b.store(Block1024(byte))
    c.store(Block1025(byte))
    d.store(Block1280(byte))
    e.store(Block16391(byte))
  }

  var totals: (loads: Int, torn: Int) {
    (loads.load(ordering: .relaxed), torn.load(ordering: .relaxed))
  }
}

/// What a fork beside a writer leaves.
@Suite struct SequenceLockForkTests {
  /// The child can use the value, or ends with a message that says what to do; it never hangs.
  @Test func childOfAForkBesideAWriter() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      SequenceLockForkTests.forkBesideAWriter()
    }
    // Of the children that were forked in the midst of a write.
    expectMessage(
      of: result, names: ["SequenceLock: this process was forked", "make a new SequenceLock"])
  }

  private static func forkBesideAWriter() {
    let lock = SharedSequenceLock(Block16391(0))
    let isStopping = Flag()
    let writer = RunningThread {
      var byte: UInt8 = 0
      repeat {
        byte &+= 1
        lock.store(Block16391(byte))
      } while !isStopping.isRaised
    }
    var (used, trapped) = (0, 0)
    let deadline = ContinuousClock.now + .seconds(60)
    while (used < 1 || trapped < 1) && ContinuousClock.now < deadline {
      usleep(100)
      let end = runInForkedChild {
        let value = lock.loadIfStable()
        lock.store(Block16391(9))
        _ = lock.load()
        return value == nil ? 1 : 0
      }
      switch end {
      case .exited(0): used += 1
      case .killed: trapped += 1
      default: fatalError("the child ended with \(end)")
      }
      // A writer isn't at it all the time.
      if used < 1 { usleep(1000) }
    }
    isStopping.raise()
    writer.join()
    precondition(trapped > 0, "no fork came upon a writer")
    // Forked while nobody writes.
    let end = runInForkedChild {
      lock.store(Block16391(5))
      return lock.load().a[0] == 5 ? 0 : 1
    }
    precondition(end == .exited(0), "the child ended with \(end)")
  }
}

/// A lock that is held can't be given away.
@Suite struct SpeculativeRWLockTrapTests {
  @Test func readLockInsideWriteLockTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let lock = SpeculativeRWLock()
      lock.withWriteLock { lock.withReadLock {} }
    }
    expectMessage(of: result, names: ["SpeculativeRWLock", "holds the lock already"])
  }

  @Test func writeLockInsideWriteLockTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let lock = SpeculativeRWLock()
      lock.withWriteLock { lock.withWriteLock {} }
    }
    expectMessage(of: result, names: ["SpeculativeRWLock", "holds the lock already"])
  }

  @Test func writeLockInsideADowngradeTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let lock = SpeculativeRWLock()
      lock.withWriteLock({ lock.withReadLock {} }, downgrade: { _ in })
    }
    expectMessage(of: result, names: ["SpeculativeRWLock", "holds the lock already"])
  }
}
