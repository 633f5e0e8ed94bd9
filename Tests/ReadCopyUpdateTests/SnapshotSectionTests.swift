// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing
internal import _RCUShims

/// Sections that what was published later doesn't wait for.
@Suite(.serialized) struct SnapshotSectionTests {
  private static let watchable: [TestedFlavor] = [.bp, .memb, .mb]

  /// Runs `test` beside a thread that is in a section, until it is told to go on, and then, in the
  /// same one, until it is told again.
  private static func beside<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type,
    reader: @escaping @Sendable (_ stays: () -> Void) -> Void,
    _ test: (_ goesOn: () -> Void) -> Void
  ) {
    let flags = (isInside: Flag(), first: Flag(), isFurther: Flag(), second: Flag())
    let thread = RunningThread {
      withReaderThread(flavor) {
        let count = Atomic(0)
        reader {
          if count.add(1, ordering: .relaxed).newValue == 1 {
            flags.isInside.raise()
            flags.first.wait()
          } else {
            flags.isFurther.raise()
            flags.second.wait()
          }
        }
      }
    }
    flags.isInside.wait()
    test {
      flags.first.raise()
      flags.isFurther.wait()
    }
    flags.second.raise()
    thread.join()
  }

  // In processes of their own: other tests' readers would be waited for, and their looks disturb.

  @Test(arguments: watchable)
  func whatIsNewerDoesNotWait(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      SnapshotSectionTests.checkWhatIsNewerDoesNotWait(flavor)
    }
  }

  private static func checkWhatIsNewerDoesNotWait(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      let before = Flavor.startGracePeriod()
      let stays: @Sendable (() -> Void) -> Void = { stays in
        RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in
          stays()
          // Leaves the section snapshot.
          stays()
        }
      }
      Self.beside(flavor, reader: stays) { goesOn in
        let first = Flavor.startGracePeriod()
        let second = Flavor.startGracePeriod()
        for _ in 0..<2 {
          precondition(Flavor.hasPassed(second, bornAfter: first))
          for _ in 0..<100 {
            precondition(!Flavor.hasPassed(second, bornAfter: before))
            precondition(!Flavor.hasPassed(first, bornAfter: before))
            precondition(!Flavor.hasPassed(second))
          }
          goesOn()
        }
      }
      let last = Flavor.startGracePeriod()
      precondition(Flavor.hasPassed(last))
    }
    check(flavor.type)
  }

  /// A section within it may load anything; so nothing is newer, up to the end of both.
  @Test(arguments: watchable, [false, true])
  func sectionsWithinUndoIt(_ flavor: TestedFlavor, _ isInnerSnapshotSection: Bool) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor, isInnerSnapshotSection] in
      SnapshotSectionTests.checkSectionsWithinUndoIt(flavor, isInnerSnapshotSection)
    }
  }

  private static func checkSectionsWithinUndoIt(
    _ flavor: TestedFlavor, _ isInnerSnapshotSection: Bool
  ) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      let stays: @Sendable (() -> Void) -> Void = { stays in
        RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in
          if isInnerSnapshotSection {
            RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in stays() }
          } else {
            RCUDomain<Flavor>.withReadSection { _ in stays() }
          }
          stays()
        }
      }
      Self.beside(flavor, reader: stays) { goesOn in
        let first = Flavor.startGracePeriod()
        let second = Flavor.startGracePeriod()
        for _ in 0..<100 { precondition(!Flavor.hasPassed(second, bornAfter: first)) }
        goesOn()
        for _ in 0..<100 { precondition(!Flavor.hasPassed(second, bornAfter: first)) }
      }
    }
    check(flavor.type)
  }

  /// Nor is a snapshot section within another one.
  @Test(arguments: watchable)
  func othersAreNotSnapshotSections(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      SnapshotSectionTests.checkOthersAreNotSnapshotSections(flavor)
    }
  }

  private static func checkOthersAreNotSnapshotSections(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      let readers: [@Sendable (() -> Void) -> Void] = [
        { stays in
          RCUDomain<Flavor>.withFencedReadSection { _ in
            stays()
            RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in stays() }
          }
        },
        { stays in
          // A thread that is light.
          for _ in 0..<1000 { RCUDomain<Flavor>.withReadSection { _ in } }
          RCUDomain<Flavor>.withReadSection { _ in
            RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in stays() }
            stays()
          }
        },
      ]
      for reader in readers {
        Self.beside(flavor, reader: reader) { goesOn in
          for _ in 0..<2 {
            let first = Flavor.startGracePeriod()
            let second = Flavor.startGracePeriod()
            for _ in 0..<100 { precondition(!Flavor.hasPassed(second, bornAfter: first)) }
            goesOn()
          }
        }
      }
    }
    check(flavor.type)
  }

  /// A look between a section's beginning and its loads.
  @Test(arguments: watchable)
  func loadsAreRepeated(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      SnapshotSectionTests.checkLoadsAreRepeated(flavor)
    }
  }

  private static func checkLoadsAreRepeated(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_ flavor: Flavor.Type) {
      withReaderThread(flavor) {
        for disturbances in 0..<20 {
          var loads = 0
          // The thread's own section is one that a look changes the mark for.
          let loaded = RCUDomain<Flavor>.withSnapshotReadSection({
            loads += 1
            if loads <= disturbances { _ = Flavor.startGracePeriod() }
            return loads
          }) { (loaded: Int) -> Int in
            precondition(Flavor._isInReadSection)
            let first = Flavor.startGracePeriod()
            let second = Flavor.startGracePeriod()
            // In the end it isn't a snapshot section.
            let isSnapshotSection = Flavor.hasPassed(second, bornAfter: first)
            precondition(isSnapshotSection == (disturbances < 8))
            return loaded
          }
          precondition(!Flavor._isInReadSection)
          precondition(loaded == loads && loads == min(disturbances + 1, 9))
        }
      }
    }
    check(flavor.type)
  }

  /// More of them than a look has room for.
  @Test func moreThanFit() {
    typealias Flavor = MemoryBarrierFlavor
    let count = Int(RCUSHIMS_SNAPSHOT_READERS_MAX) + 1
    let (isInside, mayLeave) = ((0..<count).map { _ in Flag() }, Flag())
    let readers = (0..<count).map { index in
      { @Sendable in
        withReaderThread(Flavor.self) {
          RCUDomain<Flavor>.withSnapshotReadSection({}) { _ in
            isInside[index].raise()
            mayLeave.wait()
          }
        }
      }
    }
    let thread = RunningThread { runThreads(readers) }
    for flag in isInside { flag.wait() }
    let first = Flavor.startGracePeriod()
    let second = Flavor.startGracePeriod()
    let view = Flavor.source.scanReaders()
    #expect(view.snapshot_count == count - 1 && view.oldest_open <= first.stamp)
    #expect(!Flavor.hasPassed(second, bornAfter: first))
    mayLeave.raise()
    thread.join()
    #expect(waitUntil { Flavor.hasPassed(second, bornAfter: first) })
  }

  // MARK: Under load

  private enum PoolFlavor: BulletproofTestFlavor {
    static let _reclaimer = unsafe _Reclaimer(flavor: PoolFlavor.self)
  }

  /// Follows what it has loaded, whoever has looked at the readers meanwhile.
  private enum RashFlavor: BulletproofTestFlavor {
    static func _isSnapshotSection(_ number: UInt64) -> Bool { true }
    static let _reclaimer = unsafe _Reclaimer(flavor: RashFlavor.self)
  }

  /// Takes all sections for snapshot sections of long ago.
  private enum TrustingFlavor: BulletproofTestFlavor {
    private static func scanReaders() -> ReaderScan {
      var scan = BulletproofFlavor.source.scanReaders()
      if scan.oldest != .max { scan.oldest = 0 }
      scan.oldest_open = .max
      scan.snapshot.0.stamp = 0
      scan.snapshot.1.stamp = 0
      return scan
    }
    static let _reclaimer = _Reclaimer(
      source: ChangedSource(
        FlavorSource(flavor: TrustingFlavor.self),
        start: { scan in
          let cookie = BulletproofFlavor.startGracePeriod()
          scan = scanReaders()
          return cookie
        }, scan: { scanReaders() }))
  }

  @Test(.stress) func stressNothingIsReusedUnderASnapshotReader() {
    let result = Self.run(PoolFlavor.self, for: StressOptions.duration)
    #expect(result.violations == 0)
    #expect(result.reads > 0)
  }

  @Test(.stress, .enabled(if: !isAddressSanitizerBuild)) func rashReadersAreFound() async {
    let found = ExitTest.Condition.exitCode(isThreadSanitizerBuild ? 66 : 42)
    await #expect(processExitsWith: found) {
      let result = SnapshotSectionTests.run(RashFlavor.self, for: .seconds(180))
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  @Test(.stress, .enabled(if: !isAddressSanitizerBuild)) func trustInReadersIsFound() async {
    let found = ExitTest.Condition.exitCode(isThreadSanitizerBuild ? 66 : 42)
    await #expect(processExitsWith: found) {
      let result = SnapshotSectionTests.run(TrustingFlavor.self, for: .seconds(180))
      exit(result.violations > 0 ? 42 : 0)
    }
  }

  /// A writer that publishes block after block of a pool, and readers that stay with theirs.
  private static func run<Flavor: RCUFlavor>(
    _ flavor: Flavor.Type, for duration: Duration
  ) -> (violations: Int, reads: Int) {
    let store = Store()
    let reader: @Sendable () -> Void = {
      var generator = SystemRandomNumberGenerator()
      repeat {
        let bits = generator.next()
        let looks = bits & 7 == 0 ? Int(bits >> 40 & 0xfffff) : Int(bits >> 40 & 0xff)
        if bits & 24 == 0 {
          RCUDomain<Flavor>.withReadSection { _ in store.look(at: store.load(), looks) }
        } else {
          RCUDomain<Flavor>.withSnapshotReadSection({
            // Long enough for a few watches.
            if bits & 96 == 0 { store.wait(Int(bits >> 20 & 0x7ffff)) }
            return store.load()
          }) {
            store.look(at: $0, looks)
            if bits & 0x380 == 0 {
              RCUDomain<Flavor>.withReadSection { _ in store.look(at: store.load(), looks) }
            }
          }
        }
        store.reads.add(1, ordering: .relaxed)
      } while !store.isOver.load(ordering: .relaxed)
    }
    runThreads([{ store.write(flavor, for: duration) }, reader, reader])
    return (
      store.violations.load(ordering: .relaxed), store.reads.load(ordering: .relaxed)
    )
  }

  /// One block at a time that readers find, with a number at both ends.
  private final class Store: Sendable {
    let current = Atomic<UInt>(0)
    let isOver = Atomic(false)
    let violations = Atomic(0)
    let reads = Atomic(0)
    static let blockBytes = 4096

    func load() -> UInt { current.load(ordering: .acquiring) }

    func wait(_ looks: Int) { for _ in 0..<looks { _ = isOver.load(ordering: .relaxed) } }

    /// Looks twice at a block that must not change.
    func look(at block: UInt, _ looks: Int) {
      guard block != 0 else { return }
      let (first, last) = unsafe Self.ends(of: block)
      let number = unsafe first.pointee
      wait(looks)
      let isUnchanged = unsafe number == first.pointee && number == last.pointee
      if isUnchanged { return }
      violations.add(1, ordering: .relaxed)
      // Under ThreadSanitizer the report ends the process.
      if !isThreadSanitizerBuild { isOver.store(true, ordering: .relaxed) }
    }

    private static func ends(
      of block: UInt
    ) -> (UnsafeMutablePointer<UInt64>, UnsafeMutablePointer<UInt64>) {
      // Safety: a block of the pool's.
      unsafe (
        UnsafeMutablePointer(bitPattern: block)!,
        UnsafeMutablePointer(bitPattern: block + UInt(blockBytes) - 8)!
      )
    }

    func write<Flavor: RCUFlavor>(_: Flavor.Type, for duration: Duration) {
      // Not before the threads have started.
      let deadline = ContinuousClock.now + duration
      var pool = NodePool<Flavor>(blockBytes: [Self.blockBytes])
      var replaced = WordStack()
      var transaction: UInt64 = 0
      repeat {
        if transaction & 0xff == 0 && ContinuousClock.now >= deadline { break }
        transaction += 1
        let block = unsafe UInt(bitPattern: pool.allocate(sizeClass: 0))
        let (first, last) = unsafe Self.ends(of: block)
        unsafe first.pointee = transaction
        unsafe last.pointee = transaction
        let old = current.exchange(block, ordering: .acquiringAndReleasing)
        guard old != 0 else { continue }
        let oldBlock = unsafe UnsafeMutableRawPointer(bitPattern: old)!
        unsafe replaced.push(
          TaggedBlock.make(oldBlock, 0, isRecent: pool.isRecent(transaction - 1)))
        unsafe pool.retire(replaced, transaction: transaction)
        replaced.removeAll()
      } while !isOver.load(ordering: .relaxed)
      isOver.store(true, ordering: .relaxed)
      // Before the pool goes, after a grace period.
      current.store(0, ordering: .releasing)
      pool.flush()
    }
  }
}
