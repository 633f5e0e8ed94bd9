// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import MapScripts

/// What is left of a script of which something is true.
struct MinimiserTests {
  @Test func onlyWhatMattersIsLeft() throws {
    let script = try MapScript(
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
    let smallest = Minimiser.minimise(script) { candidate in
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
    var generator = ScriptGenerator(seed: 1)
    let script = generator.next()
    var count = 0
    let same = Minimiser.minimise(script, maximumTries: 50) { _ in
      count += 1
      return false
    }
    #expect(same == script)
    #expect(count == 50)
  }
}

/// What the generator makes.
struct GeneratorTests {
  @Test func theSeedRepeatsTheScript() {
    var first = ScriptGenerator(seed: 5)
    var second = ScriptGenerator(seed: 5)
    var third = ScriptGenerator(seed: 6)
    let script = first.next()
    #expect(second.next() == script)
    #expect(third.next() != script)
  }

  @Test func everyOperationComesWithADump() {
    var generator = ScriptGenerator(seed: 7)
    for _ in 0..<50 {
      let script = generator.next()
      if generator.profile == .crowded { continue }
      let operations = script.operations
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
    var generator = ScriptGenerator(seed: 8)
    var kinds: Set<ScriptOperationKind> = []
    var sources: Set<ScriptSource> = []
    var advices: Set<UInt64> = []
    var bits: [ScriptOperationKind: UInt64] = [:]
    var profiles: Set<Profile> = []
    var limits = MapScript.Limits()
    var confinedCount = 0
    var others = [Profile.forks, .heap].map { ScriptGenerator(seed: 8, profile: $0) }
    for round in 0..<1700 {
      if round == 1500 || round == 1600 { generator = others.removeFirst() }
      let script = generator.next()
      profiles.insert(generator.profile)
      confinedCount += script.isConfined ? 1 : 0
      limits.lockedMemory = limits.lockedMemory ?? script.limits.lockedMemory
      limits.addressSpace = limits.addressSpace ?? script.limits.addressSpace
      limits.data = limits.data ?? script.limits.data
      limits.stack = limits.stack ?? script.limits.stack
      limits.mapCount = limits.mapCount ?? script.limits.mapCount
      for operation in script.operations {
        kinds.insert(operation.kind)
        sources.insert(operation.source)
        switch operation {
        case .map(_, _, _, let flags, _, _): bits[.map, default: 0] |= flags
        case .protect(_, _, let protection): bits[.protect, default: 0] |= protection
        case .remap(_, _, _, let flags, _): bits[.remap, default: 0] |= flags
        case .lock(_, _, let flags): bits[.lock, default: 0] |= flags
        case .query(_, let flags): bits[.query, default: 0] |= flags
        case .advise(_, _, let advice): advices.insert(advice)
        default: break
        }
      }
    }
    #expect(kinds == Set(ScriptOperationKind.allCases))
    #expect(sources == Set(ScriptSource.allCases))
    #expect(advices.isSuperset(of: ScriptWords.advice.values))
    #expect(advices.contains { $0 >= ScriptWords.minimumUnknownAdvice })
    for (kind, words) in [
      (ScriptOperationKind.map, ScriptWords.mapFlags), (.protect, .protection),
      (.remap, .remapFlags), (.lock, .lockFlags), (.query, .queryFlags),
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
