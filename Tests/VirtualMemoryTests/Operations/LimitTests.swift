// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SequenceLocks
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The limits of a process: what they are at first, and that the next operation obeys what was set.
@Suite struct LimitTests {
  private static func page(_ page: UInt64) -> UInt64 { AddressSpace.testBase + page * 4096 }

  @Test func limitsAtFirst() {
    let limits = AddressSpace().limits
    #expect(limits.addressSpace == .max)
    #expect(limits.data == .max)
    #expect(limits.stack == 8 << 20)
    #expect(limits.lockedMemory == nil)
    #expect(limits == ResourceLimits())
  }

  /// Setting them is no change of the map, and disturbs no speculation; nor does giving memory
  /// back.
  @Test func settingMakesNoVersion() throws {
    let space = AddressSpace()
    try space.mapPages(0..<3)
    let generation = space.generation
    let speculation = try #require(space.mapLock.beginSpeculation())
    var limits = ResourceLimits()
    limits.addressSpace = 1
    limits.data = 2
    limits.stack = 3
    limits.lockedMemory = 4
    space.limits = limits
    #expect(space.limits == limits)
    _ = space.releaseFreeMemory()
    #expect(space.generation == generation)
    #expect(space.mapLock.validate(speculation))
    // Nor does it take away what is there.
    #expect(space.pages == ["0-3 rw-p"])
  }

  /// Whole pages of the limit count.
  @Test func addressSpaceLimit() throws {
    let space = AddressSpace()
    space.limits.addressSpace = 4 * 4096 + 4095
    try space.mapPages(0..<3)
    #expect(errno { () throws(Errno) in try space.mapPages(3..<5) } == .noMemory)
    try space.mapPages(3..<4, "r")
    #expect(errno { () throws(Errno) in try space.mapPages(9..<10) } == .noMemory)
    // In the place of what is there.
    try space.mapPages(0..<3, "rx")
    #expect(
      errno { () throws(Errno) in
        try space.systemCalls.mremap(Self.page(3), length: 4096, newLength: 8192)
      }
        == .noMemory)
    #expect(space.pages == ["0-3 r-xp", "3-4 r--p"])
    space.limits.addressSpace = .max
    try space.systemCalls.mremap(Self.page(3), length: 4096, newLength: 8192)
    #expect(space.pages == ["0-3 r-xp", "3-5 r--p"])
  }

  /// A refused mapping splits what is mapped at its edges.
  @Test func refusedMappingSplits() throws {
    let space = AddressSpace()
    try space.mapPages(0..<4, "r")
    space.limits.addressSpace = 4 * 4096
    #expect(errno { () throws(Errno) in try space.mapPages(2..<6) } == .noMemory)
    #expect(space.pages == ["0-2 r--p", "2-4 r--p"])
    space._checkInvariants()
  }

  /// Private writable memory counts, nothing else.
  @Test func dataLimit() throws {
    let space = AddressSpace()
    space.limits.data = 3 * 4096
    try space.mapPages(0..<2)
    try space.mapPages(10..<20, "r")
    try space.mapPages(20..<30, "rw", .shared)
    try space.mapPages(400..<410, "rw", .growsDown)
    #expect(errno { () throws(Errno) in try space.mapPages(2..<4) } == .noMemory)
    #expect(errno { () throws(Errno) in try space.protectPages(10..<12, "rw") } == .noMemory)
    try space.protectPages(10..<11, "rw")
    #expect(errno { () throws(Errno) in try space.mapPages(2..<3) } == .noMemory)
    // What is no longer writable is given back.
    try space.protectPages(0..<2, "r")
    try space.mapPages(2..<4)
    space._checkInvariants()
  }

  @Test func lockLimit() throws {
    let space = AddressSpace()
    space.limits.lockedMemory = 3 * 4096
    try space.mapPages(0..<8)
    try space.systemCalls.mlock(Self.page(0), length: 2 * 4096)
    // What is locked already counts once.
    try space.systemCalls.mlock(Self.page(0), length: 3 * 4096)
    #expect(
      errno { () throws(Errno) in try space.systemCalls.mlock(Self.page(0), length: 4 * 4096) }
        == .noMemory)
    #expect(
      errno { () throws(Errno) in try space.mapPages(10..<11, "rw", .locked) }
        == .resourceTemporarilyUnavailable)
    try space.systemCalls.munlock(Self.page(0), length: 4096)
    try space.mapPages(10..<11, "rw", .locked)
    #expect(space.pages == ["0-1 rw-p", "1-3 rw-p", "3-8 rw-p", "10-11 rw-p"])
    // No right at all.
    space.limits.lockedMemory = 0
    #expect(
      errno { () throws(Errno) in try space.systemCalls.mlock(Self.page(0), length: 4096) }
        == .notPermitted)
    #expect(
      errno { () throws(Errno) in try space.mapPages(10..<11, "rw", .locked) } == .notPermitted)
    try space.systemCalls.munlock(Self.page(0), length: 11 * 4096 - 3 * 4096)
    // And no limit.
    space.limits.lockedMemory = nil
    try space.systemCalls.mlock(Self.page(0), length: 8 * 4096)
    space._checkInvariants()
  }

  /// Readers and writers on several threads: each sees limits that were set as a whole.
  @Test func limitsAreSetAsAWhole() {
    let space = AddressSpace()
    space.limits = Self.limits(1)
    let stop = Flag()
    runThreads([
      {
        for number in 1...2000 as ClosedRange<UInt64> { space.limits = Self.limits(number) }
        stop.raise()
      },
      {
        repeat {
          let limits = space.limits
          precondition(limits == Self.limits(limits.data), "limits of two settings: \(limits)")
        } while !stop.isRaised
      },
    ])
    #expect(space.limits == Self.limits(2000))
  }

  private static func limits(_ number: UInt64) -> ResourceLimits {
    var limits = ResourceLimits()
    limits.addressSpace = number
    limits.data = number
    limits.stack = number
    limits.lockedMemory = number
    return limits
  }
}
