// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// Grace periods that a writer finds over by looking: `_passGracePeriod`.
@Suite(.serialized) struct PassingTests {
  /// bp, looking without seeing.
  private enum BlindFlavor: BulletproofTestFlavor {
    static func _passGracePeriod() -> Bool { true }
    static let _reclaimer = _Reclaimer(flavor: BlindFlavor.self)
  }

  private enum SeeingFlavor: BulletproofTestFlavor {
    static let _reclaimer = _Reclaimer(flavor: SeeingFlavor.self)
  }

  @Test(arguments: [TestedFlavor.bp, .memb, .mb])
  func notWhileAReaderIsInside(_ flavor: TestedFlavor) {
    Self.expectRefusal(flavor.type)
  }

  private static func expectRefusal<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
    let section = HeldSection(of: flavor)
    for _ in 0..<100 { #expect(!Flavor._passGracePeriod()) }
    section.end()
    // Other tests read too, but not all the time.
    #expect(waitUntil { Flavor._passGracePeriod() })
    // The caller's own section is one.
    withReaderThread(flavor) {
      RCUDomain<Flavor>.withReadSection { _ in
        RCUDomain<Flavor>.withReadSection { _ in #expect(!Flavor._passGracePeriod()) }
        #expect(!Flavor._passGracePeriod())
      }
    }
  }

  /// qsbr's readers are inside whenever they are online: it is never tried.
  @Test func neverForQuiescentState() {
    #expect(!QuiescentStateFlavor._passGracePeriod())
  }

  @Test(arguments: [TestedFlavor.bp, .memb, .mb])
  func stressNothingIsReusedUnderAReader(_ flavor: TestedFlavor) {
    let result = Self.run(flavor.type, for: StressOptions.duration)
    #expect(result.violations == 0)
    #expect(result.passed > 0)
  }

  @Test(.enabled(if: !isAddressSanitizerBuild)) func missingLookIsFound() async {
    let found = ExitTest.Condition.exitCode(isThreadSanitizerBuild ? 66 : 42)
    await #expect(processExitsWith: found) {
      let result = PassingTests.run(BlindFlavor.self, for: .seconds(180))
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  @Test func presentLookIsSilent() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let result = PassingTests.run(SeeingFlavor.self, for: StressOptions.duration)
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  /// Two slots, of which readers use the one that is current; the writer poisons the other one after
  /// a grace period.
  @safe
  private final class World: Sendable {
    // Safety: a slot is written while no reader sees it, if grace periods are any.
    nonisolated(unsafe) let slots: UnsafeMutablePointer<Int>
    let current = Atomic(0)
    let isOver = Atomic(false)
    let violations = Atomic(0)
    let passed = Atomic(0)
    static let poison = -1

    init() {
      unsafe slots = .allocate(capacity: 2)
      unsafe slots.initialize(repeating: 0, count: 2)
    }

    deinit { unsafe slots.deallocate() }

    /// - Parameter looks: how long to stay in the section.
    func read(_ looks: Int) {
      let slot = current.load(ordering: .acquiring)
      let first = unsafe (slots + slot).pointee
      wait(looks)
      let second = unsafe (slots + slot).pointee
      if first == Self.poison || first != second { fail() }
    }

    func wait(_ looks: Int) { for _ in 0..<looks { _ = isOver.load(ordering: .relaxed) } }

    private func fail() {
      violations.add(1, ordering: .relaxed)
      // Under ThreadSanitizer the report ends the process.
      if !isThreadSanitizerBuild { isOver.store(true, ordering: .relaxed) }
    }

    func write<Flavor: RCUFlavor>(_ round: Int, _: Flavor.Type) {
      let old = current.load(ordering: .relaxed)
      unsafe (slots + (1 - old)).pointee = round
      current.store(1 - old, ordering: .releasing)
      while !Flavor._passGracePeriod() {
        if isOver.load(ordering: .relaxed) { return }
        yieldThread()
      }
      passed.add(1, ordering: .relaxed)
      unsafe (slots + old).pointee = Self.poison
    }
  }

  private static func run<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, for duration: Duration
  ) -> (violations: Int, passed: Int) {
    let world = World()
    let deadline = ContinuousClock.now + duration
    let reader: @Sendable () -> Void = {
      withReaderThread(flavor) {
        // Sections that are open for longer than a look at all readers takes, and as long without one:
        // a section may begin anywhere in a look, and outlast it.
        var generator = SystemRandomNumberGenerator()
        while !world.isOver.load(ordering: .relaxed) {
          let bits = generator.next()
          let looks = bits & 3 == 0 ? Int(bits >> 32 & 0x3fff) : 20
          RCUDomain<Flavor>.withReadSection { _ in world.read(looks) }
          world.wait(bits & 12 == 0 ? Int(bits >> 48 & 0x3fff) : 20)
        }
      }
    }
    runThreads([
      {
        var round = 0
        while ContinuousClock.now < deadline && !world.isOver.load(ordering: .relaxed) {
          round += 1
          world.write(round, flavor)
        }
        world.isOver.store(true, ordering: .relaxed)
      }, reader, reader,
    ])
    return (
      world.violations.load(ordering: .relaxed), world.passed.load(ordering: .relaxed)
    )
  }
}
