// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import _MapTraces

/// What is left of a trace of which something is true.
struct MinimiserTests {
  @Test func onlyWhatMattersIsLeft() throws {
    let trace = try MapTrace(
      parsing: """
        window 0x100000 0x10000
        confine
        limit as 0x100000
        mmap 0x100000 0x3000 rw private|anon|fixed|populate - 0
        dump
        touch 0x100000
        mprotect 0x101234 0x3fff rw
        dump
        munmap 0x100000 0x1000
        madvise 0x100000 0x2000 dontfork
        dump
        """)
    let smallest = Minimiser.minimise(trace) { candidate in
      candidate.operations.contains { $0.kind == .protect && $0.numbers[2] & 2 != 0 }
        && candidate.operations.contains { $0.kind == .unmap }
    }
    #expect(
      smallest.description == """
        window 0x100000 0x10000
        mprotect 0x101000 0x1000 w
        munmap 0x100000 0x1000

        """)
  }

  @Test func asksNoMoreOftenThanItMay() throws {
    var generator = TraceGenerator(seed: 1)
    let trace = generator.next()
    var count = 0
    let same = Minimiser.minimise(trace, triesMax: 50) { _ in
      count += 1
      return false
    }
    #expect(same == trace)
    #expect(count == 50)
  }
}

/// What the generator makes.
struct GeneratorTests {
  @Test func theSeedRepeatsTheTrace() {
    var first = TraceGenerator(seed: 5)
    var second = TraceGenerator(seed: 5)
    var third = TraceGenerator(seed: 6)
    let trace = first.next()
    #expect(second.next() == trace)
    #expect(third.next() != trace)
  }

  @Test func everyOperationComesWithADump() {
    var generator = TraceGenerator(seed: 7)
    for _ in 0..<50 {
      let trace = generator.next()
      if generator.profile == .crowded { continue }
      let operations = trace.operations
      #expect(!operations.isEmpty)
      for (index, operation) in operations.enumerated()
      where operation.kind != .dump && operation.kind != .query {
        let rest = operations[(index + 1)...]
        #expect(rest.first { $0.kind != .query } == .dump)
      }
    }
  }

  /// Every operation, flag, source, advice, limit and profile that the format knows.
  @Test func everythingComesUp() {
    var generator = TraceGenerator(seed: 8)
    var kinds: Set<TraceOperationKind> = []
    var sources: Set<TraceSource> = []
    var advices: Set<UInt64> = []
    var bits: [TraceOperationKind: UInt64] = [:]
    var profiles: Set<Profile> = []
    var limits = MapTrace.Limits()
    var confinedCount = 0
    for _ in 0..<1500 {
      let trace = generator.next()
      profiles.insert(generator.profile)
      confinedCount += trace.isConfined ? 1 : 0
      limits.lockedMemory = limits.lockedMemory ?? trace.limits.lockedMemory
      limits.addressSpace = limits.addressSpace ?? trace.limits.addressSpace
      limits.data = limits.data ?? trace.limits.data
      limits.stack = limits.stack ?? trace.limits.stack
      limits.mapCount = limits.mapCount ?? trace.limits.mapCount
      for operation in trace.operations {
        kinds.insert(operation.kind)
        sources.insert(operation.source)
        switch operation {
        case .map(_, _, _, let flags, _, _): bits[.map, default: 0] |= flags
        case .protect(_, _, let protection): bits[.protect, default: 0] |= protection
        case .remap(_, _, _, let flags, _): bits[.remap, default: 0] |= flags
        case .query(_, let flags): bits[.query, default: 0] |= flags
        case .advise(_, _, let advice): advices.insert(advice)
        default: break
        }
      }
    }
    #expect(kinds == Set(TraceOperationKind.allCases))
    #expect(sources == Set(TraceSource.allCases))
    #expect(advices.isSuperset(of: TraceWords.advice.values))
    #expect(advices.contains { $0 >= TraceWords.unknownAdviceMin })
    for (kind, words) in [
      (TraceOperationKind.map, TraceWords.mapFlags), (.protect, .protection),
      (.remap, .remapFlags), (.query, .queryFlags),
    ] {
      let known = words.values.reduce(0, |)
      #expect(bits[kind, default: 0] & known == known)
      #expect(bits[kind, default: 0] & ~known != 0)
    }
    #expect(profiles == Set(Profile.allCases))
    #expect(limits.lockedMemory != nil && limits.addressSpace != nil && limits.data != nil)
    #expect(limits.stack != nil && limits.mapCount != nil)
    #expect((100...1400).contains(confinedCount))
  }
}
