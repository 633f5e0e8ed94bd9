// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing

@testable import ProcessMaps

/// Records as `perf_event_open(2)` lays them out, made here: what they are taken to mean.
@Suite struct PerfRecordTests {
  private static let pid: Int32 = 42
  private static let page: UInt64 = 4096
  private static let beginning: UInt16 = 7
  private static let ending: UInt16 = 8

  #if arch(x86_64)
    private static let (munmap, mremap, brk, mbind) = (11, 25, 12, 237)
  #else
    private static let (munmap, mremap, brk, mbind) = (215, 216, 214, 235)
  #endif

  /// The bytes of records, one after another.
  private struct Records {
    var bytes: [UInt8] = []

    mutating func append(_ value: some FixedWidthInteger) {
      unsafe withUnsafeBytes(of: value) { unsafe bytes += Array($0) }
    }

    private mutating func record(_ kind: UInt32, _ body: (inout Records) -> Void) {
      var rest = Records()
      body(&rest)
      while rest.bytes.count % 8 != 0 { rest.bytes.append(0) }
      append(kind)
      append(UInt16(0))
      append(UInt16(8 + rest.bytes.count))
      bytes += rest.bytes
    }

    private mutating func sample(
      _ tracepoint: UInt16, _ time: UInt64, thread: Int32, _ number: Int, _ words: [UInt64]
    ) {
      record(9) { rest in
        rest.append(PerfRecordTests.pid)
        rest.append(thread)
        rest.append(time)
        rest.append(UInt32(16 + 8 * words.count))
        rest.append(tracepoint)
        rest.append(UInt16(0))
        rest.append(PerfRecordTests.pid)
        rest.append(UInt64(number))
        for word in words { rest.append(word) }
      }
    }

    mutating func enter(
      _ number: Int, _ arguments: [UInt64], at time: UInt64, thread: Int32 = 42
    ) {
      let words = arguments + [UInt64](repeating: 0, count: 6 - arguments.count)
      sample(PerfRecordTests.beginning, time, thread: thread, number, words)
    }

    mutating func exit(_ number: Int, _ result: UInt64, at time: UInt64, thread: Int32 = 42) {
      sample(PerfRecordTests.ending, time, thread: thread, number, [result])
    }

    mutating func end(_ thread: Int32, at time: UInt64) {
      record(4) { rest in
        for value in [PerfRecordTests.pid, 1, thread, 1] { rest.append(value) }
        rest.append(time)
      }
    }

    mutating func fork(_ child: Int32) {
      record(7) { rest in
        for value in [child, PerfRecordTests.pid, child, PerfRecordTests.pid] { rest.append(value) }
        rest.append(UInt64(0))
      }
    }
  }

  private var reader = PerfRecordReader(pid: Self.pid, beginnings: [UInt64(Self.beginning)])
  private var dirty = DirtyRanges()

  private mutating func read(_ make: (inout Records) -> Void) {
    var records = Records()
    make(&records)
    unsafe records.bytes.withUnsafeBytes { unsafe reader.read($0, into: &dirty) }
  }

  private func isDirty(_ address: UInt64) -> Bool {
    dirty.isWhole || dirty.ranges.contains { $0.contains(address) }
  }

  @Test mutating func callsAreTheirRange() {
    read {
      $0.enter(Self.munmap, [0x10000, 2 * Self.page], at: 1)
      $0.exit(Self.munmap, 0, at: 2)
    }
    #expect(!dirty.isWhole && dirty.ranges == [0x10000..<0x12000])
  }

  /// `MREMAP_FIXED` unmaps its target before it looks at what can't be done.
  @Test mutating func aFailedRemapHasUnmappedItsTarget() {
    read {
      $0.enter(Self.mremap, [0x10000, Self.page, Self.page, 3, 0x50000], at: 1)
      $0.exit(Self.mremap, UInt64(bitPattern: -14), at: 2)
    }
    #expect(isDirty(0x10000) && isDirty(0x50000))
  }

  /// The heap may be several mappings, and `brk` ends it anywhere.
  @Test mutating func aBreakThatShrinksIsAllThatItUnmaps() {
    read {
      $0.enter(Self.brk, [0x90000], at: 1)
      $0.exit(Self.brk, 0x90000, at: 2)
    }
    dirty.removeAll()
    read {
      $0.enter(Self.brk, [0x20000], at: 3)
      $0.exit(Self.brk, 0x20000, at: 4)
    }
    for address in stride(from: 0x20000 as UInt64, to: 0x90000, by: 4096) {
      #expect(isDirty(address))
    }
  }

  /// A thread that changes processors has its records in two rings, which are read one after the
  /// other: the end of a call before its beginning.
  @Test mutating func ringsAreReadInAnyOrder() {
    // The first ring was read before `first` was in it.
    read {
      $0.exit(Self.munmap, 0, at: 2)
      $0.enter(Self.munmap, [0x50000, Self.page], at: 3)
    }
    dirty.removeAll()
    read {
      $0.enter(Self.munmap, [0x10000, Self.page], at: 1)
      $0.exit(Self.munmap, 0, at: 4)
    }
    #expect(isDirty(0x50000), "what the later call unmapped")
    dirty.removeAll()
    read {
      $0.enter(Self.munmap, [0x10000, Self.page], at: 5)
      $0.enter(Self.munmap, [0x50000, Self.page], at: 7)
      $0.exit(Self.munmap, 0, at: 6)
    }
    #expect(isDirty(0x10000), "what the call that is over unmapped")
  }

  /// Which may have changed the map before it ends.
  @Test mutating func callsAreUnderWayUntilTheyEnd() {
    read { $0.enter(Self.munmap, [0x10000, Self.page], at: 1) }
    #expect(reader.isAnyCallUnderWay && dirty.isEmpty)
    read { $0.exit(Self.munmap, 0, at: 2) }
    #expect(!reader.isAnyCallUnderWay && isDirty(0x10000))
    // Its beginning is read after its end.
    read { $0.exit(Self.munmap, 0, at: 4) }
    #expect(dirty.isWhole)
    read { $0.enter(Self.munmap, [0x10000, Self.page], at: 3) }
    #expect(!reader.isAnyCallUnderWay)
    // A thread that is killed in it.
    read {
      $0.enter(Self.munmap, [0x10000, Self.page], at: 5, thread: 43)
      $0.end(43, at: 6)
    }
    #expect(!reader.isAnyCallUnderWay)
  }

  /// It splits what is mapped by policy.
  @Test mutating func memoryPoliciesChangeMaps() {
    read {
      $0.enter(Self.mbind, [0x10000, Self.page], at: 1)
      $0.exit(Self.mbind, 0, at: 2)
    }
    #expect(isDirty(0x10000))
  }

  /// Nobody may take them.
  @Test mutating func forksDontPileUp() {
    read { records in for child in 100..<3100 as Range<Int32> { records.fork(child) } }
    #expect(dirty.forkedProcesses.first == 100 && dirty.forkedProcesses.count <= 1024)
  }

  @Test mutating func brokenLengthsAreAnything() {
    for length in [0, 7, 9, UInt16.max] as [UInt16] {
      dirty.removeAll()
      read { records in
        records.append(UInt32(9))
        records.append(UInt16(0))
        records.append(length)
      }
      #expect(dirty.isWhole)
    }
  }
}
