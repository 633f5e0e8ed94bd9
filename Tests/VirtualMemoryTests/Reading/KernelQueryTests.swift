// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// The same queries of a stopped process by the kernel's ioctl and by the model's: the same errors,
/// the same bytes.
@Suite(.serialized) struct KernelQueryTests {
  /// The process, its maps, and its model; `nil`, with a line of output, on a kernel before 6.11.
  private struct Pair: ~Copyable {
    let child: StoppedChild
    let descriptor: Int32
    let space: AddressSpace
    let memory = QueryMemory()

    init?() throws {
      let child = try StoppedChild()
      let descriptor = child.openMaps()
      let probe = QueryMemory()
      if probe.ask(QueryCall(flags: 0x10), kernel: descriptor).error == Errno(rawValue: 25) {
        print("skipped: this kernel has no PROCMAP_QUERY")
        close(descriptor)
        return nil
      }
      self.child = child
      self.descriptor = descriptor
      // Build ids are in the files; the kernel reads them.
      space = child.model { address in
        let call = QueryCall(address: address, buildIDSize: 64, buildIDBuffer: .writable)
        let outcome = probe.ask(call, kernel: descriptor)
        return Array(outcome.buildID[..<Int(outcome.query.buildIDSize)])
      }
    }

    deinit { close(descriptor) }

    func expectEqual(_ call: QueryCall) -> Bool {
      let expected = memory.ask(call, kernel: descriptor)
      for strategy in ReadingStrategy.allCases {
        let actual = memory.ask(call, space, strategy)
        if actual != expected {
          Issue.record("\(strategy), \(call):\nkernel \(expected)\nmodel \(actual)")
          return false
        }
      }
      return true
    }
  }

  /// The table of the model's own test.
  @Test func checksInOrder() throws {
    guard let pair = try Pair() else { return }
    for test in IoctlTests.cases {
      let isEqual = pair.expectEqual(test.call)
      #expect(isEqual)
      let outcome = pair.memory.ask(test.call, kernel: pair.descriptor)
      #expect(outcome.error == test.expected)
    }
  }

  @Test(.large) func everyMappingAndEveryEdge() throws {
    guard let pair = try Pair() else { return }
    for line in pair.child.lines {
      for address in [line.start - 1, line.start, line.start + 5, line.end - 1, line.end] {
        for flags in [0, 0x10, 0x20, 0x30, 0x11, 0x12, 0x14, 0x18, 3, 5, 0x15] as [UInt64] {
          let call = QueryCall(
            flags: flags, address: address, nameSize: 4096, nameBuffer: .writable,
            buildIDSize: 20, buildIDBuffer: .writable)
          guard pair.expectEqual(call) else { return }
        }
      }
    }
  }

  @Test(.large, arguments: 1...3 as ClosedRange<UInt64>)
  func randomRequests(_ seed: UInt64) throws {
    guard let pair = try Pair() else { return }
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2000 {
      guard pair.expectEqual(Self.request(pair.child.lines, &random)) else { return }
    }
  }

  private static func request(_ lines: [MapsLine], _ random: inout SeededGenerator) -> QueryCall {
    let line = random.pick(lines)
    var call = QueryCall(
      flags: random.below(64),
      address: random.pick([line.start, line.end, line.start &+ random.below(1 << 20), 0, .max]))
    if random.oneIn(2) { call.flags |= 0x10 }
    if random.oneIn(30) { call.flags |= 1 << random.below(64) }
    if random.oneIn(3) {
      call.size = random.pick([0, 8, 16, 23, 24, 25, 31, 32, 40, 79, 80, 84, 87, 88, 95, 96, 103])
    } else if random.oneIn(5) {
      call.size = random.pick([105, 112, 4095, 4096, 4097, 1 << 40])
      if random.oneIn(2) { call.dirtyByte = 104 + Int(random.below(3992)) }
    }
    if random.oneIn(2) {
      call.nameSize = random.pick([1, 5, 7, 8, 20, 40, 4096, 4097, .max])
      call.nameBuffer = random.oneIn(8) ? .unwritable : .writable
    }
    // Not 1 to 19: some kernels mishandle a build id that doesn't fit.
    if random.oneIn(3) {
      call.buildIDSize = random.pick([20, 21, 64])
      call.buildIDBuffer = random.oneIn(8) ? .unwritable : .writable
    }
    if random.oneIn(40) { call.nameSize = 0 }
    if random.oneIn(40) { call.buildIDBuffer = .none }
    return call
  }
}
