// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import CURCU
import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing
internal import _RCUShims

/// Grace periods that a writer finds over by watching the readers: `startGracePeriod`,
/// `scanReaders`.
@Suite(.serialized) struct ReaderWatchTests {
  /// bp, looking without seeing.
  private enum BlindFlavor: BulletproofTestFlavor {
    static let _reclaimer = _Reclaimer(
      source: ChangedSource(FlavorSource(flavor: BlindFlavor.self), scan: { .ofNobody }))
  }

  private enum SeeingFlavor: BulletproofTestFlavor {
    static let _reclaimer = unsafe _Reclaimer(flavor: SeeingFlavor.self)
  }

  private static let watchable: [TestedFlavor] = [.bp, .memb, .mb]

  /// How a thread that reads came to be what it is when it is watched.
  enum Reader: CaseIterable {
    /// Its first section.
    case new
    /// Sections with fences.
    case fenced
    /// Without.
    case light

    func prepare<Flavor: RCUFlavor>(_: Flavor.Type) {
      switch self {
      case .new: break
      case .fenced: RCUDomain<Flavor>.withFencedReadSection { _ in }
      case .light: for _ in 0..<1000 { RCUDomain<Flavor>.withReadSection { _ in } }
      }
    }

    func read<Flavor: RCUFlavor>(_: Flavor.Type, _ body: () -> Void) {
      switch self {
      case .new, .light: RCUDomain<Flavor>.withReadSection { _ in body() }
      case .fenced: RCUDomain<Flavor>.withFencedReadSection { _ in body() }
      }
    }
  }

  /// Runs `test`, which may read, beside a thread that waits within a section for its first flag,
  /// and in another one for the second.
  private static func besideReader<Flavor: RCUFlavor>(
    _ reader: Reader, _ flavor: Flavor.Type,
    _ test: (_ leaves: () -> Void) -> Void
  ) {
    let (first, second) = (Flag(), Flag())
    let (isInFirst, isInSecond) = (Flag(), Flag())
    let thread = RunningThread {
      withReaderThread(flavor) {
        reader.prepare(flavor)
        reader.read(flavor) {
          isInFirst.raise()
          first.wait()
        }
        reader.read(flavor) {
          isInSecond.raise()
          second.wait()
        }
      }
    }
    isInFirst.wait()
    test {
      first.raise()
      isInSecond.wait()
    }
    second.raise()
    thread.join()
  }

  @Test(arguments: watchable, Reader.allCases)
  func notWhileAReaderIsInside(_ flavor: TestedFlavor, _ reader: Reader) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      Self.besideReader(reader, flavor) { leaves in
        let watch = Flavor.startGracePeriod()
        for _ in 0..<100 { #expect(!Flavor.hasPassed(watch)) }
        // That the reader is in another section at once doesn't count. Others read too, but not for
        // ever.
        leaves()
        #expect(waitUntil { Flavor.hasPassed(watch) })
        // Begun after that.
        let later = Flavor.startGracePeriod()
        for _ in 0..<100 { #expect(!Flavor.hasPassed(later)) }
        #expect(Flavor.hasPassed(watch))
      }
    }
    check(flavor.type)
  }

  /// Each watch waits for those who were there when it began.
  @Test(arguments: watchable, Reader.allCases)
  func watchesGoOnBesideEachOther(_ flavor: TestedFlavor, _ reader: Reader) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      Self.besideReader(reader, flavor) { leavesLong in
        let first = Flavor.startGracePeriod()
        Self.besideReader(reader, flavor) { leaves in
          let second = Flavor.startGracePeriod()
          #expect(second.stamp > first.stamp)
          leaves()
          for _ in 0..<100 { #expect(!Flavor.hasPassed(second) && !Flavor.hasPassed(first)) }
          let third = Flavor.startGracePeriod()
          leavesLong()
          #expect(waitUntil { Flavor.hasPassed(first) && Flavor.hasPassed(second) })
          for _ in 0..<100 { #expect(!Flavor.hasPassed(third)) }
        }
      }
      let watch = Flavor.startGracePeriod()
      #expect(waitUntil { Flavor.hasPassed(watch) })
    }
    check(flavor.type)
  }

  /// Neither a section within the one that is watched nor the end of it.
  @Test(arguments: watchable, Reader.allCases)
  func nestedSectionsAreOne(_ flavor: TestedFlavor, _ reader: Reader) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      withReaderThread(flavor) {
        reader.prepare(flavor)
        reader.read(flavor) {
          let watch = Flavor.startGracePeriod()
          #expect(!Flavor.hasPassed(watch))
          for inner in Reader.allCases {
            inner.read(flavor) { #expect(!Flavor.hasPassed(watch)) }
            for _ in 0..<1000 { RCUDomain<Flavor>.withReadSection { _ in } }
            #expect(!Flavor.hasPassed(watch))
          }
        }
        let watch = Flavor.startGracePeriod()
        #expect(waitUntil { Flavor.hasPassed(watch) })
      }
    }
    check(flavor.type)
  }

  /// liburcu's own sections, which know nothing of what this library keeps in the word of a reader.
  @Test func sectionsOfCCodeAreSeen() {
    runThreads([
      {
        for outer in [true, false] {
          for reader in Reader.allCases {
            if outer { urcu_bp_read_lock() }
            reader.read(BulletproofFlavor.self) {
              let watch = BulletproofFlavor.startGracePeriod()
              for _ in 0..<10 {
                urcu_bp_read_lock()
                #expect(!BulletproofFlavor.hasPassed(watch))
                urcu_bp_read_unlock()
                #expect(!BulletproofFlavor.hasPassed(watch))
              }
            }
            if outer {
              // The C section goes on.
              let watch = BulletproofFlavor.startGracePeriod()
              reader.read(BulletproofFlavor.self) {}
              #expect(!BulletproofFlavor.hasPassed(watch))
              urcu_bp_read_unlock()
            }
            let watch = BulletproofFlavor.startGracePeriod()
            #expect(waitUntil { BulletproofFlavor.hasPassed(watch) })
          }
        }
      }
    ])
  }

  /// A thread that has ended is not waited for.
  @Test(arguments: watchable)
  func endedThreadsHaveLeft(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      let section = HeldSection(of: flavor)
      let watch = Flavor.startGracePeriod()
      #expect(!Flavor.hasPassed(watch))
      section.end()
      #expect(waitUntil { Flavor.hasPassed(watch) })
    }
    check(flavor.type)
  }

  /// Who is light has to be interrupted by a watch.
  @Test(.enabled(if: hasMembarrier)) func lightReadersAreInterrupted() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let flavors: [any RCUFlavor.Type] = [BulletproofFlavor.self, MembarrierFlavor.self]
      for flavor in flavors where !ReaderWatchTests.isLightReaderInterrupted(flavor) { exit(1) }
    }
  }

  /// Where the system can't do that, nobody is.
  @Test func nobodyIsLightWithoutMembarrier() async {
    await #expect(processExitsWith: .exitCode(0)) {
      for name in ["urcu_bp_has_sys_membarrier", "urcu_memb_has_sys_membarrier"] {
        // Safety: a variable of liburcu's, which no other thread looks at yet.
        unsafe dlsym(nil, name).assumingMemoryBound(to: Int32.self).pointee = 0
      }
      let flavors: [any RCUFlavor.Type] = [BulletproofFlavor.self, MembarrierFlavor.self]
      for flavor in flavors where ReaderWatchTests.isLightReaderInterrupted(flavor) { exit(1) }
    }
  }

  private static func isLightReaderInterrupted<Flavor: RCUFlavor>(_ flavor: Flavor.Type) -> Bool {
    var isInterrupted = false
    besideReader(.light, flavor) { leaves in
      let watch = Flavor.startGracePeriod()
      precondition(!Flavor.hasPassed(watch))
      isInterrupted = watch.interruption > 0
      leaves()
    }
    return isInterrupted
  }

  /// qsbr's readers are inside whenever they are online: they can't be watched.
  @Test func notForQuiescentState() {
    #expect(QuiescentStateFlavor.startGracePeriod().stamp == 0)
  }

  @Test(.stress, arguments: watchable)
  func stressNothingIsReusedUnderAReader(_ flavor: TestedFlavor) {
    let result = Self.run(flavor.type, for: StressOptions.duration)
    #expect(result.violations == 0)
    #expect(result.passed > 0)
  }

  /// No membarrier helps these: a fence of their own does.
  @Test(.stress, arguments: watchable)
  func stressNothingIsReusedUnderAFencedReader(_ flavor: TestedFlavor) {
    let result = Self.runFenced(flavor.type, for: StressOptions.duration)
    #expect(result.violations == 0)
    #expect(result.passed > 0)
  }

  @Test(.stress, .enabled(if: !isAddressSanitizerBuild)) func missingLookIsFound() async {
    let found = ExitTest.Condition.exitCode(isThreadSanitizerBuild ? 66 : 42)
    await #expect(processExitsWith: found) {
      let result = ReaderWatchTests.run(BlindFlavor.self, for: .seconds(180))
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  @Test(.stress) func presentLookIsSilent() async {
    await #expect(processExitsWith: .exitCode(0)) {
      let result = ReaderWatchTests.run(SeeingFlavor.self, for: StressOptions.duration)
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  /// Two slots, of which readers use the one that is current; the writer poisons the other one
  /// after a grace period.
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

    /// - Parameters:
    ///   - looks: how long to stay in the section.
    ///   - yields: lets another thread run in it, if all processors are busy.
    func read(_ looks: Int, yields: Bool = false) {
      let slot = current.load(ordering: .acquiring)
      let first = unsafe (slots + slot).pointee
      wait(looks)
      if yields { yieldThread() }
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
      let watch = Flavor.startGracePeriod()
      while !Flavor.hasPassed(watch) {
        if isOver.load(ordering: .relaxed) { return }
        yieldThread()
      }
      passed.add(1, ordering: .relaxed)
      unsafe (slots + old).pointee = Self.poison
    }
  }

  /// A writer and a reader of fenced sections, each of which begins behind stores that take long:
  /// without its fence, it would read before it is seen inside.
  private static func runFenced<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, for duration: Duration
  ) -> (violations: Int, passed: Int) {
    let world = World()
    runThreads([
      {
        // Not before the threads have started.
        let deadline = ContinuousClock.now + duration
        var round = 0
        repeat {
          round += 1
          world.write(round, flavor)
        } while ContinuousClock.now < deadline && !world.isOver.load(ordering: .relaxed)
        world.isOver.store(true, ordering: .relaxed)
      },
      {
        var cold = [UInt8](repeating: 0, count: 64 << 20)
        var generator = SystemRandomNumberGenerator()
        withReaderThread(flavor) {
          repeat {
            var bits = generator.next()
            for _ in 0..<16 {
              bits = bits &* 0x5851_f42d_4c95_7f2d &+ 1
              cold[Int(bits >> 38)] = 1
            }
            RCUDomain<Flavor>.withFencedReadSection { _ in world.read(Int(bits >> 55)) }
          } while !world.isOver.load(ordering: .relaxed)
        }
      },
    ])
    return (
      world.violations.load(ordering: .relaxed), world.passed.load(ordering: .relaxed)
    )
  }

  /// Two writers, each with slots of its own, and two readers, which use both.
  private static func run<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, for duration: Duration
  ) -> (violations: Int, passed: Int) {
    let worlds = [World(), World()]
    let isOver: @Sendable () -> Bool = {
      worlds.contains { $0.isOver.load(ordering: .relaxed) }
    }
    let reader: @Sendable () -> Void = {
      withReaderThread(flavor) {
        // Sections that are open for longer than a look at all readers takes, and as long without
        // one: a section may begin anywhere in a look, and outlast it. For some time fenced, then
        // light.
        var generator = SystemRandomNumberGenerator()
        repeat {
          let bits = generator.next()
          let looks = bits & 3 == 0 ? Int(bits >> 32 & 0x3fff) : 20
          let world = worlds[Int(bits >> 4 & 1)]
          let yields = bits >> 16 & 0x3f == 0
          if bits >> 8 & 0xff == 0 {
            RCUDomain<Flavor>.withFencedReadSection { _ in world.read(looks, yields: yields) }
          } else {
            RCUDomain<Flavor>.withReadSection { _ in world.read(looks, yields: yields) }
          }
          world.wait(bits & 12 == 0 ? Int(bits >> 48 & 0x3fff) : 20)
        } while !isOver()
      }
    }
    let writer: @Sendable (World) -> Void = { world in
      // Not before the threads have started.
      let deadline = ContinuousClock.now + duration
      var round = 0
      repeat {
        round += 1
        world.write(round, flavor)
      } while ContinuousClock.now < deadline && !isOver()
      world.isOver.store(true, ordering: .relaxed)
    }
    runThreads([{ writer(worlds[0]) }, { writer(worlds[1]) }, reader, reader])
    return (
      worlds.reduce(0) { $0 + $1.violations.load(ordering: .relaxed) },
      worlds.reduce(0) { $0 + $1.passed.load(ordering: .relaxed) }
    )
  }
}
