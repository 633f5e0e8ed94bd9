// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// References that leave their sections in ways that the compiler, Swift 6.3, doesn't see
/// (`CompileFail/NotYet`). In debug builds their use traps; in release builds nothing is checked,
/// and nothing is paid.
@Suite(.enabled(if: !isOptimizedBuild, "checked in debug builds")) struct EscapeTests {
  private struct Big: Sendable { var a = 0x1111, b = 0x2222 }
  private static let message = ["is used after the section's end", "use it only inside"]

  @Test func aReferenceUsedAfterItsSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useReference(inAnotherSection: false)
    }
    expectMessage(of: result, names: Self.message)
  }

  @Test func aReferenceUsedInAnotherSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useReference(inAnotherSection: true)
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useReference(inAnotherSection: Bool) {
    let pointer = RCU.Pointer(Big())
    let escaped = RCU.withReadSection { section in pointer.load(in: section)! as? Any }!
    if inAnotherSection {
      RCU.withReadSection { _ in
        if let ref = escaped as? RCU.Ref<Big> { print(ref.value.b) }
      }
    } else if let ref = escaped as? RCU.Ref<Big> {
      print(ref.value.b)
    }
  }

  private static func assign<T: ~Escapable>(_ target: inout T?, _ value: T) { target = value }

  @Test func aReferenceThatGenericCodeAssignedTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useAssigned()
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useAssigned() {
    let pointer = RCU.Pointer(Big())
    var outer: RCU.Ref<Big>?
    RCU.withReadSection { section in assign(&outer, pointer.load(in: section)!) }
    print(outer!.value.b)
  }

  private enum Cell: ~Escapable, ~Copyable {
    case full(RCU.Ref<Big>)
    case empty
  }

  @Test func aReferenceInANoncopyableEnumTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useCell()
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useCell() {
    let pointer = RCU.Pointer(Big())
    var outer = Cell.empty
    RCU.withReadSection { section in outer = .full(pointer.load(in: section)!) }
    if case .full(let ref) = outer { print(ref.value.b) }
  }

  @Test func aSectionUsedAfterItsEndTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useSection()
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useSection() {
    let pointer = RCU.Pointer(Big())
    let escaped = RCU.withReadSection { section in section as? Any }!
    if let section = escaped as? RCU.ReadSection { _ = pointer.load(in: section) == nil }
  }

  @Test func anEntryUsedAfterItsSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useEntry()
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useEntry() {
    let table = RCU.HashTable<Int, Int>()
    table.addDuplicate(1, forKey: 1)
    var escaped: Any?
    RCU.withReadSection { section in
      table.forEach(in: section) { entry in escaped = entry as? Any }
    }
    if let entry = escaped as? RCU.HashTable<Int, Int>.Entry { print(entry.value) }
  }

  @Test func aSleepableReferenceUsedAfterItsSectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      EscapeTests.useSleepableReference()
    }
    expectMessage(of: result, names: Self.message)
  }

  private static func useSleepableReference() {
    let domain = SleepableRCU(name: "escapes")
    let pointer = SleepableRCU.Pointer(Big(), protectedBy: domain)
    let escaped = domain.withReadSection { section in pointer.load(in: section)! as? Any }!
    if let ref = escaped as? SleepableRCU.Ref<Big> { print(ref.value.b) }
  }

  /// Sections within sections, in handlers too, and what is loaded in them.
  @Test func nestedSectionsAreOne() {
    let pointer = RCU.Pointer(Big())
    RCU.withReadSection { outer in
      let first = pointer.load(in: outer)!
      RCU.withReadSection { inner in
        #expect(pointer.load(in: inner)!.value.b == 0x2222)
        #expect(first.value.b == 0x2222)
      }
      #expect(first.value.b == 0x2222)
    }
  }
}
