// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The checks of `PROCMAP_QUERY`, in their order: each case has the errors of all that follow, too.
@Suite struct IoctlTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var expected: Errno?
    var call: QueryCall
    var testDescription: String { name }
  }

  private static let tooBig = Errno(rawValue: 7)
  private static let unwritable = QueryCall.Buffer.unwritable

  /// For an address space with something at address 0x10_0000_0000, whose name and terminator have
  /// `nameBytes` bytes, and whose build id has 20.
  static let cases: [Case] = [
    Case(name: "larger than a page", expected: tooBig, call: QueryCall(size: 4097, flags: 64)),
    Case(name: "largest", expected: tooBig, call: QueryCall(size: .max, flags: 64)),
    Case(name: "size 0", expected: .invalidArgument, call: QueryCall(size: 0, flags: 64)),
    Case(name: "size 23", expected: .invalidArgument, call: QueryCall(size: 23, flags: 64)),
    Case(
      name: "beyond, first byte", expected: tooBig,
      call: QueryCall(size: 105, flags: 64, dirtyByte: 104)),
    Case(
      name: "beyond, last byte", expected: tooBig,
      call: QueryCall(size: 4096, flags: 64, dirtyByte: 4095)),
    Case(
      name: "beyond the given size", expected: .invalidArgument,
      call: QueryCall(size: 104, flags: 64, dirtyByte: 104)),
    Case(
      name: "unknown flag", expected: .invalidArgument,
      call: QueryCall(flags: 0x40, nameSize: 1)),
    Case(
      name: "unknown flag, the highest", expected: .invalidArgument,
      call: QueryCall(flags: 1 << 63)),
    Case(
      name: "name size without address", expected: .invalidArgument, call: QueryCall(nameSize: 1)),
    Case(
      name: "name address without size", expected: .invalidArgument,
      call: QueryCall(nameBuffer: .writable)),
    Case(
      name: "build-id size without address", expected: .invalidArgument,
      call: QueryCall(buildIDSize: 20)),
    Case(
      name: "build-id address without size", expected: .invalidArgument,
      call: QueryCall(buildIDBuffer: .writable)),
    Case(
      name: "no match", expected: .noSuchFileOrDirectory,
      call: QueryCall(address: 0, nameSize: 1, nameBuffer: unwritable)),
    Case(
      name: "no match at the end", expected: .noSuchFileOrDirectory,
      call: QueryCall(flags: 0x10, address: .max, nameSize: 1, nameBuffer: unwritable)),
    Case(
      name: "name too long", expected: .fileNameTooLong,
      call: QueryCall(flags: 0x30, nameSize: 3, nameBuffer: unwritable)),
    Case(
      name: "name unwritable", expected: .badAddress,
      call: QueryCall(flags: 0x30, nameSize: 4096, nameBuffer: unwritable)),
    Case(
      name: "build id unwritable", expected: .badAddress,
      call: QueryCall(flags: 0x30, buildIDSize: 32, buildIDBuffer: unwritable)),
    Case(name: "found", expected: nil, call: QueryCall(flags: 0x10)),
    Case(
      name: "found, with all", expected: nil,
      call: QueryCall(
        flags: 0x30, nameSize: 4096, nameBuffer: .writable, buildIDSize: 20,
        buildIDBuffer: .writable)),
    Case(
      name: "huge name buffer", expected: nil,
      call: QueryCall(flags: 0x30, nameSize: .max, nameBuffer: .writable)),
  ]

  /// With a file first, so that `coveringOrNext` from 0 finds one with a build id.
  private static func space(
    path: String = "/usr/lib/a\nb", buildID: [UInt8] = Array(1...20)
  ) throws -> AddressSpace {
    let space = AddressSpace()
    let file = MappedFile(
      path: path, device: DeviceNumber(major: 8, minor: 3), inode: 77, buildID: buildID)
    try space.mapPages(0..<2, "rx", backing: .file(file, offset: 0x5000))
    try space.mapPages(2..<3, "rw")
    return space
  }

  @Test(arguments: cases)
  func checks(_ test: Case) throws {
    let space = try Self.space()
    let memory = QueryMemory()
    for strategy in ReadingStrategy.allCases {
      let outcome = memory.ask(test.call, space, strategy)
      #expect(outcome.error == test.expected)
      if test.expected != nil {
        // Nothing was written, or only to a buffer before the one that is not writable.
        #expect(outcome.structure == memory.unasked(test.call, nil).structure)
      }
    }
  }

  @Test func anotherRequest() throws {
    let memory = QueryMemory()
    var call = QueryCall(size: 1)
    call.request = ProcMapQuery.request + 1
    #expect(memory.ask(call, try Self.space()).error == Errno(rawValue: 25))
  }

  @Test func argumentShorterThanItSays() throws {
    let space = try Self.space()
    for (count, size) in [(0, 104), (7, 104), (8, 104), (103, 104), (104, 105)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if count > 7 { bytes[0] = UInt8(size) }
      let error = unsafe bytes.withUnsafeMutableBytes { buffer in
        errno { () throws(Errno) in
          try unsafe space.systemCalls.ioctl(ProcMapQuery.request, buffer)
        }
      }
      #expect(error == .badAddress)
    }
  }

  @Test func allFields() throws {
    let space = try Self.space()
    let outcome = QueryMemory().ask(
      QueryCall(
        address: AddressSpace.testBase + 4097, nameSize: 100, nameBuffer: .writable,
        buildIDSize: 64, buildIDBuffer: .writable), space)
    let query = outcome.query
    #expect(query.vmaStart == AddressSpace.testBase)
    #expect(query.vmaEnd == AddressSpace.testBase + 8192)
    #expect(query.vmaFlags == 5)
    #expect(query.vmaPageSize == 4096)
    #expect(query.vmaOffset == 0x5000)
    #expect(query.inode == 77)
    #expect(query.deviceMajor == 8 && query.deviceMinor == 3)
    // With its terminator, and the newline as it is.
    #expect(query.vmaNameSize == 13)
    #expect(outcome.nameString == "/usr/lib/a\nb")
    #expect(query.buildIDSize == 20)
    let expected: [UInt8] = Array(1...20) + [0xa5]
    #expect(Array(outcome.buildID.prefix(21)) == expected)
  }

  @Test func anonymousMemoryHasNoNameAndNoBuildID() throws {
    let space = try Self.space()
    let call = QueryCall(
      address: AddressSpace.testBase + 8192, nameSize: 1, nameBuffer: .unwritable, buildIDSize: 1,
      buildIDBuffer: .unwritable)
    let query = QueryMemory().ask(call, space).query
    #expect(query.vmaNameSize == 0 && query.buildIDSize == 0)
    #expect(query.vmaOffset == 0 && query.inode == 0)
  }

  /// The name fits exactly, or lacks one byte; the same for the build id.
  @Test func exactBuffers() throws {
    let space = try Self.space()
    let memory = QueryMemory()
    for (size, expected) in [(13, nil), (12, .fileNameTooLong)] as [(UInt32, Errno?)] {
      let call = QueryCall(flags: 0x10, nameSize: size, nameBuffer: .writable)
      #expect(memory.ask(call, space).error == expected)
    }
    for (size, expected) in [(20, nil), (19, .fileNameTooLong)] as [(UInt32, Errno?)] {
      let call = QueryCall(flags: 0x10, buildIDSize: size, buildIDBuffer: .writable)
      #expect(memory.ask(call, space).error == expected)
    }
    // A path of 4,095 bytes and its terminator: the most that an answer has.
    let long = try Self.space(path: "/" + String(repeating: "x", count: 4094))
    let call = QueryCall(flags: 0x10, nameSize: 4096, nameBuffer: .writable)
    #expect(memory.ask(call, long).query.vmaNameSize == 4096)
    let longer = try Self.space(path: "/" + String(repeating: "x", count: 4095))
    let large = QueryCall(flags: 0x10, nameSize: 5000, nameBuffer: .writable)
    #expect(memory.ask(large, longer).error == .fileNameTooLong)
  }

  /// Older callers: the fields that they don't know are neither read nor written.
  @Test(arguments: 24...104)
  func sizes(_ size: Int) throws {
    let space = try Self.space()
    let memory = QueryMemory()
    // The name's fields are set, but known only to callers with a whole structure.
    var call = QueryCall(size: UInt64(size), flags: 0x10)
    if size < 80 { call.nameSize = 7 }
    let before = memory.unasked(call, nil)
    let outcome = memory.ask(call, space)
    #expect(outcome.error == nil)
    let whole = memory.ask(QueryCall(size: UInt64(size), flags: 0x10), space)
    #expect(Array(outcome.structure[..<size]) == Array(whole.structure[..<size]))
    #expect(Array(outcome.structure[size...]) == Array(before.structure[size...]))
    #expect(size < 32 || outcome.query.vmaStart == AddressSpace.testBase)
  }

  @Test func sizesBeyondAreFineIfZero() throws {
    let space = try Self.space()
    for size in [105, 112, 1000, 4096] as [UInt64] {
      let outcome = QueryMemory().ask(QueryCall(size: size, flags: 0x10), space)
      #expect(outcome.error == nil)
      #expect(outcome.query.size == size)
    }
  }
}
