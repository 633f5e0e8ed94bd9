// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// What a query takes out of its section it pins. As ``VersionCanaryTests``: without that it must
/// be seen to read what is freed.
///
/// (That a copy is validated against the lock's counter can't be missed by an address: a reader's
/// version stays whole without it. `BrokenAccess` shows what copies would be that are of no
/// version.)
@Suite(.serialized, .stress) struct PinCanaryTests {
  private typealias Canary = VersionCanaryTests

  @Test func unpinnedNamesAreFound() async {
    let result = await #expect(
      processExitsWith: Canary.found, observing: [\.standardErrorContent]
    ) {
      PinCanaryTests.readNames(pins: false, for: VersionCanaryTests.duration)
    }
    Canary.expectReport(result)
  }

  @Test func pinnedNamesAreRight() async {
    let result = await #expect(
      processExitsWith: .exitCode(0), observing: [\.standardErrorContent]
    ) {
      PinCanaryTests.readNames(pins: true, for: StressOptions.duration)
    }
    Canary.expectNoReport(result)
  }

  /// A writer renames a page and moves it to and fro; a reader reads its name, which is one letter
  /// again and again, after the section in which it found it.
  private static func readNames(pins: Bool, for duration: Duration) -> Never {
    RCUDebugging.poisonsReclaimedMemory = true
    let space = AddressSpace()
    let (here, there) = (AddressSpace.testBase, AddressSpace.testBase + 4 * 4096)
    let deadline = ContinuousClock.now + duration
    let stop = Flag()
    let violations = InstanceCounter()
    runThreads([
      {
        var letter = UInt8(ascii: "a")
        while !stop.isRaisedRelaxed && ContinuousClock.now < deadline {
          letter = letter == UInt8(ascii: "z") ? UInt8(ascii: "a") : letter + 1
          try? space.mapPages(0..<1)
          try? space.systemCalls.setName(
            here, length: 4096, [UInt8](repeating: letter, count: nameCount))
          _ = try? space.systemCalls.mremap(
            here, length: 4096, newLength: 4096, flags: [.mayMove, .fixed], newAddress: there)
        }
        stop.raise()
      },
      {
        while !stop.isRaisedRelaxed {
          if isNameWhole(space, pins: pins) { continue }
          violations.add()
          // In sanitizer builds the report counts, not the value.
          if !isThreadSanitizerBuild { stop.raise() }
        }
      },
    ])
    exit(violations.created > 0 && !isThreadSanitizerBuild ? Canary.violationStatus : 0)
  }

  private static let nameCount = 40

  private static func isNameWhole(_ space: AddressSpace, pins: Bool) -> Bool {
    let found = RCU.withReadSection { _ -> (object: MapObject, letter: UInt8)? in
      let record = space.currentVersion.tree.firstRecord(
        endingAfter: AddressSpace.testBase + 4 * 4096)
      guard let object = MapObject(word: record?.object ?? 0), !pins || object.pin() else {
        return nil
      }
      return unsafe (object, object.nameBytes[0])
    }
    guard let (object, letter) = found else { return true }
    defer { if pins { object.release() } }
    usleep(200)
    // Through a typed pointer, whose accesses ThreadSanitizer sees in unoptimised code too. Not by
    // the header's counts: of freed memory they may be anything.
    let end = unsafe (object.tail + shownCount).assumingMemoryBound(to: UInt8.self)
    return (0..<nameCount).allSatisfy { unsafe end[$0] == letter }
  }

  /// Bytes of the line's end before the name itself: ended by a newline, it begins with what is
  /// shown.
  private static let shownCount: Int = {
    let object = MapObject(kind: .anonymousName, name: [UInt8](repeating: 0x61, count: nameCount))
    defer { object.release() }
    return unsafe object.nameBytes.baseAddress! - object.tail
  }()
}
