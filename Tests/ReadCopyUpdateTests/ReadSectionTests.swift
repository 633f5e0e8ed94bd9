// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct ReadSectionTests {
  private struct SomeError: Error, Equatable { let code: Int }

  private struct Token: ~Copyable {
    let value: Int
  }

  @Test func sectionIsOngoingOnlyInside() {
    #expect(!RCU.isInReadSection)
    let inside = RCU.withReadSection { _ in RCU.isInReadSection }
    #expect(inside)
    #expect(!RCU.isInReadSection)
  }

  @Test(arguments: [1, 2, 3, 100])
  func sectionsNest(depth: Int) {
    func descend(_ left: Int) -> Int {
      RCU.withReadSection { _ in
        guard left > 1 else { return RCU.isInReadSection ? 1 : 0 }
        let below = descend(left - 1)
        // The inner section ended, this one did not.
        return RCU.isInReadSection ? below + 1 : 0
      }
    }
    #expect(descend(depth) == depth)
    #expect(!RCU.isInReadSection)
  }

  @Test func throwingBodyEndsTheSection() {
    #expect(throws: SomeError(code: 7)) {
      try RCU.withReadSection { _ throws(SomeError) in throw SomeError(code: 7) }
    }
    #expect(!RCU.isInReadSection)
  }

  @Test func throwingInnerBodyEndsOnlyTheInnerSection() {
    RCU.withReadSection { _ in
      #expect(throws: SomeError(code: 1)) {
        try RCU.withReadSection { _ throws(SomeError) in throw SomeError(code: 1) }
      }
      #expect(RCU.isInReadSection)
    }
    #expect(!RCU.isInReadSection)
  }

  @Test func errorTypeIsKept() {
    do throws(SomeError) {
      try RCU.withReadSection { _ throws(SomeError) in throw SomeError(code: 3) }
    } catch {
      // Compiles only because `error` is a SomeError.
      #expect(error.code == 3)
    }
  }

  @Test func noncopyableResultIsReturned() {
    let token = RCU.withReadSection { _ in Token(value: 42) }
    #expect(token.value == 42)
  }

  @Test func sectionsOfOneThreadAreNotThoseOfAnother() {
    let section = HeldSection<BulletproofFlavor>()
    #expect(!RCU.isInReadSection)
    section.end()
  }

  @Test func sectionsOpenOnManyThreads() {
    let inside = InstanceCounter()
    runThreads(8) { _ in
      for _ in 0..<1000 {
        RCU.withReadSection { _ in if RCU.isInReadSection { inside.add() } }
      }
    }
    #expect(inside.created == 8000)
  }
}
