// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import SystemPackage
import _SystemShims

@testable import VirtualMemory

/// A `PROCMAP_QUERY` to be made of the kernel or the model.
struct QueryCall: Sendable {
  /// What a buffer's address is.
  enum Buffer: Sendable, Hashable { case none, writable, unwritable }

  var size: UInt64 = 104
  var flags: UInt64 = 0
  var address: UInt64 = 0
  var nameSize: UInt32 = 0
  var nameBuffer = Buffer.none
  var buildIDSize: UInt32 = 0
  var buildIDBuffer = Buffer.none
  /// A byte beyond the known fields that isn't zero: its position.
  var dirtyByte: Int?
  var request: UInt = ProcMapQuery.request

  /// What came of it: all memory that it could have written.
  struct Outcome: Equatable, CustomStringConvertible {
    var error: Errno?
    var structure: [UInt8]
    var name: [UInt8]
    var buildID: [UInt8]

    var query: ProcMapQuery {
      unsafe structure.withUnsafeBytes { bytes in unsafe bytes.loadUnaligned(as: ProcMapQuery.self)
      }
    }

    var nameString: String {
      String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
    }

    var description: String {
      "errno \(error?.rawValue ?? 0), \(query), \(nameString), build id \(buildID)"
    }
  }
}

/// The memory of calls, the same for the kernel and the model, so that every byte can be compared.
@safe
final class QueryMemory {
  private let memory: UnsafeMutableRawPointer
  static let structBytes = 4608
  static let nameBytes = 8192
  static let buildIDBytes = 64
  /// Nothing is mapped there.
  static let unwritable: UInt64 = 0xffff_0000_0000_0000
  /// What buffers hold before a call.
  private static let filler: UInt8 = 0xa5

  init() {
    unsafe memory = .allocate(
      byteCount: Self.structBytes + Self.nameBytes + Self.buildIDBytes, alignment: 64)
  }

  deinit { unsafe memory.deallocate() }

  /// The kernel's answer.
  func ask(_ call: QueryCall, kernel descriptor: Int32) -> QueryCall.Outcome {
    prepare(call)
    let result = unsafe sysshims_procmap_query(descriptor, memory)
    return outcome(result == 0 ? nil : Errno(rawValue: Glibc.errno))
  }

  /// The model's.
  func ask(
    _ call: QueryCall, _ space: AddressSpace, _ strategy: ReadingStrategy = .snapshot
  ) -> QueryCall.Outcome {
    prepare(call)
    return outcome(
      VirtualMemoryTests.errno { () throws(Errno) in
        try unsafe space.systemCalls.ioctl(
          call.request,
          UnsafeMutableRawBufferPointer(start: memory, count: Self.structBytes), by: strategy)
      })
  }

  /// The structure as `call` says, before anything was asked.
  func unasked(_ call: QueryCall, _ error: Errno?) -> QueryCall.Outcome {
    prepare(call)
    return outcome(error)
  }

  private func prepare(_ call: QueryCall) {
    unsafe memory.initializeMemory(
      as: UInt8.self, repeating: Self.filler,
      count: Self.structBytes + Self.nameBytes + Self.buildIDBytes)
    var query = ProcMapQuery()
    query.size = call.size
    query.queryFlags = call.flags
    query.queryAddress = call.address
    query.vmaNameSize = call.nameSize
    query.buildIDSize = call.buildIDSize
    query.vmaNameAddress = address(call.nameBuffer, Self.structBytes)
    query.buildIDAddress = address(call.buildIDBuffer, Self.structBytes + Self.nameBytes)
    let known = MemoryLayout<ProcMapQuery>.size
    unsafe memory.storeBytes(of: query, as: ProcMapQuery.self)
    let given = max(known, min(Int(clamping: call.size), Self.structBytes))
    unsafe (memory + known).initializeMemory(as: UInt8.self, repeating: 0, count: given - known)
    if let dirty = call.dirtyByte {
      unsafe memory.storeBytes(of: 1, toByteOffset: dirty, as: UInt8.self)
    }
  }

  private func address(_ buffer: QueryCall.Buffer, _ offset: Int) -> UInt64 {
    switch buffer {
    case .none: 0
    case .writable: unsafe UInt64(UInt(bitPattern: memory + offset))
    case .unwritable: Self.unwritable
    }
  }

  private func outcome(_ error: Errno?) -> QueryCall.Outcome {
    func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
      unsafe Array(UnsafeRawBufferPointer(start: memory + offset, count: count))
    }
    return QueryCall.Outcome(
      error: error, structure: bytes(0, Self.structBytes),
      name: bytes(Self.structBytes, Self.nameBytes),
      buildID: bytes(Self.structBytes + Self.nameBytes, Self.buildIDBytes))
  }
}
