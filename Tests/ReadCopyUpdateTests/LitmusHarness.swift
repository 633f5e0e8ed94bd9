// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
@testable import ReadCopyUpdate
import Synchronization
import TestSupport

/// What the threads of a litmus test share: words on cache lines of their own.
@safe
final class LitmusField: @unchecked Sendable {
  // Sendable: all access is atomic.

  /// Four variables, then two sets of registers, of which even and odd rounds use one each.
  private static let variableCount = 4
  static let registerCount = 6

  fileprivate let words: LitmusWords
  private let arrived = Atomic<UInt64>(0)
  private let stopsAt = Atomic(UInt64.max)

  init() {
    words = LitmusWords(count: Self.variableCount + 2 * Self.registerCount)
  }

  deinit { words.free() }

  static func register(_ index: Int, in round: UInt64) -> Int {
    variableCount + Int(round & 1) * registerCount + index
  }

  /// Stops all threads when they meet for `round`. By the first thread, before it arrives.
  func stop(at round: UInt64) { stopsAt.store(round, ordering: .relaxed) }

  /// Waits for the other threads. False: there is no such round.
  ///
  /// Acquiring and releasing: what was done in the rounds before happens before.
  func meet(for round: UInt64, _ threadCount: Int) -> Bool {
    arrived.wrappingAdd(1, ordering: .acquiringAndReleasing)
    let all = UInt64(threadCount) * round
    var spins = 0
    // More threads than processors: let the others arrive. Two stay, for as long as a time slice
    // lasts: on a busy machine, where each yields for the other one, they never run at the same
    // time.
    let maximumSpins = threadCount <= 2 ? 1_000_000 : 50
    while arrived.load(ordering: .acquiring) < all {
      spins += 1
      if spins > maximumSpins { yieldThread() }
    }
    return stopsAt.load(ordering: .relaxed) > round
  }
}

/// A trivial value, so that no copy of it counts references, which orders memory.
@safe
private struct LitmusWords: @unchecked Sendable {
  // Sendable: all access is atomic.

  /// Two lines: processors fetch them in pairs.
  private static let wordsApart = 16
  private let words: UnsafeMutablePointer<Atomic<UInt64>>

  init(count: Int) {
    unsafe words = .allocate(capacity: count * Self.wordsApart)
    for index in 0..<count * Self.wordsApart {
      unsafe (words + index).initialize(to: Atomic(0))
    }
  }

  func free() { unsafe words.deallocate() }

  @inline(__always)
  func store(_ index: Int, _ value: UInt64) {
    unsafe words[index * Self.wordsApart].store(value, ordering: .relaxed)
  }

  @inline(__always)
  func load(_ index: Int) -> UInt64 {
    unsafe words[index * Self.wordsApart].load(ordering: .relaxed)
  }
}

/// One thread of a litmus test in one round.
///
/// Variables begin a round at 0 and are set to 1. What is stored is the round's number: an older
/// one counts as 0, so that nothing must be reset. All of it is relaxed: only RCU orders it.
struct LitmusThread {
  fileprivate(set) var round: UInt64 = 0
  fileprivate let field: LitmusField
  private let words: LitmusWords
  private var random: UInt64

  fileprivate init(_ field: LitmusField, seed: Int) {
    self.field = field
    words = field.words
    random = UInt64(seed + 1) &* 0x9e37_79b9_7f4a_7c15
  }

  /// The variable becomes 1.
  @inline(__always)
  func set(_ variable: LitmusVariable) { words.store(variable.rawValue, round) }

  /// Whether it is 1.
  @inline(__always)
  func isSet(_ variable: LitmusVariable) -> Bool { words.load(variable.rawValue) == round }

  /// Keeps what this thread saw; registers are false at the beginning of a round.
  @inline(__always)
  func record(_ register: Int, _ isTrue: Bool) {
    words.store(LitmusField.register(register, in: round), isTrue ? round : 0)
  }

  mutating func next(below bound: UInt64) -> UInt64 {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return (random >> 16) % bound
  }

  /// Lets time pass, mostly little: so that the threads meet at ever other places.
  mutating func pause() {
    switch next(below: 64) {
    case 0: yieldThread()
    case 1..<16: for _ in 0..<next(below: 300) { _ = next(below: 2) }
    default: break
    }
  }
}

extension LitmusThread {
  /// The same within a section: now and then for longer than a grace period takes, where nobody
  /// waits for the section.
  mutating func pauseInside() {
    guard next(below: 16) == 0 else { return pause() }
    for _ in 0...next(below: 4) { yieldThread() }
    for _ in 0..<next(below: 30_000) { _ = next(below: 2) }
  }

  /// A few nanoseconds, for what shows only if two threads do it at the very same time.
  mutating func pauseBriefly() { for _ in 0..<next(below: 16) { _ = next(below: 2) } }
}

/// Memory that is in no cache: a store to it keeps those behind it in the processor's buffer, while
/// loads go on. A trivial value, as `LitmusWords`; one for each thread, for the life of the
/// process.
@safe
struct LitmusColdMemory: @unchecked Sendable {
  // Sendable: used by one thread.
  private static let bytes = 64 << 20
  private static let storeCount = 8
  private let memory: UnsafeMutablePointer<UInt8>

  init() {
    let memory = unsafe mmap(
      nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
      fatalError("no memory, errno \(errno)")
    }
    unsafe self.memory = memory.bindMemory(to: UInt8.self, capacity: Self.bytes)
  }

  @inline(__always)
  func delayStores(_ thread: inout LitmusThread) {
    guard thread.round & 1 == 0 else { return }
    for _ in 0..<Self.storeCount {
      unsafe memory[Int(truncatingIfNeeded: thread.next(below: UInt64(Self.bytes)))] = 1
    }
  }
}

enum LitmusVariable: Int { case x, y, z, w }

/// Threads that do their parts at the same time, again and again.
struct Litmus: Sendable {
  typealias Part = @Sendable (inout LitmusThread) -> Void

  /// One part per thread.
  let parts: [Part]
  /// Whether what the registers say must never be.
  let isForbidden: @Sendable (_ registers: [Bool]) -> Bool

  struct Totals: Sendable {
    var rounds: UInt64 = 0
    var forbidden = 0
  }

  /// Runs for `duration`, or to the first forbidden outcome.
  func run<Flavor: RCUFlavor>(
    _: Flavor.Type, for duration: Duration, stopsAtForbidden: Bool = false
  ) -> Totals {
    let field = LitmusField()
    let totals = Locked(Totals())
    let threads = parts.indices.map { index in
      { @Sendable in
        if parts.count == 2 { stayOnProcessor(index) }
        withReaderThread(Flavor.self) {
          var thread = LitmusThread(field, seed: index)
          if index == 0 {
            let found = self.lead(&thread, Flavor.self, duration, stopsAtForbidden)
            totals.withLock { $0 = found }
          } else {
            self.follow(&thread, Flavor.self, index)
          }
        }
      }
    }
    runThreads(threads)
    return totals.withLock { $0 }
  }

  /// The first thread also looks at the outcomes and at the time.
  private func lead<Flavor: RCUFlavor>(
    _ thread: inout LitmusThread, _: Flavor.Type, _ duration: Duration, _ stopsAtForbidden: Bool
  ) -> Totals {
    var totals = Totals()
    let deadline = ContinuousClock.now + duration
    while true {
      let isOver = thread.round.isMultiple(of: 64) && ContinuousClock.now > deadline
      if isOver || (stopsAtForbidden && totals.forbidden > 0) {
        thread.field.stop(at: thread.round + 1)
      }
      // While others do the next round's parts, this looks at the registers of the last one.
      let previous = thread.round
      let goesOn = enterRound(&thread, Flavor.self)
      if previous > 0 {
        totals.rounds += 1
        if isForbidden(registers(thread.field, in: previous)) { totals.forbidden += 1 }
      }
      guard goesOn else { return totals }
      parts[0](&thread)
    }
  }

  private func follow<Flavor: RCUFlavor>(
    _ thread: inout LitmusThread, _: Flavor.Type, _ index: Int
  ) {
    while enterRound(&thread, Flavor.self) { parts[index](&thread) }
  }

  private func enterRound<Flavor: RCUFlavor>(
    _ thread: inout LitmusThread, _: Flavor.Type
  ) -> Bool {
    thread.round += 1
    let (field, round, count) = (thread.field, thread.round, parts.count)
    var goesOn = false
    Flavor.source.whileBlocked { goesOn = field.meet(for: round, count) }
    return goesOn
  }

  private func registers(_ field: LitmusField, in round: UInt64) -> [Bool] {
    (0..<LitmusField.registerCount).map {
      field.words.load(LitmusField.register($0, in: round)) == round
    }
  }
}
