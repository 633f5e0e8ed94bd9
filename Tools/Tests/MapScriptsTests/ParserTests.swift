// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import MapScripts

/// What a script may look like, and what it may not.
struct ParserTests {
  private static let window = "window 0x1000 0x10000\n"

  /// The operation of a script that has this line.
  private func operation(_ line: String) throws -> ScriptOperation {
    let script = try MapScript(parsing: Self.window + line)
    try #require(script.operations.count == 1)
    return script.operations[0]
  }

  @Test func everyOperationIsParsed() throws {
    #expect(
      try operation("mmap 0x2000 8192 rw private|anon|fixed - 0")
        == .map(
          address: 0x2000, length: 8192, protection: 3, flags: 0x32, source: .none, offset: 0))
    #expect(
      try operation("mmap 0 1 - shared file:RO 0x1000")
        == .map(
          address: 0, length: 1, protection: 0, flags: 1, source: .fileReadOnly, offset: 4096))
    #expect(try operation("munmap 1 2") == .unmap(address: 1, length: 2))
    #expect(try operation("mprotect 1 2 rx") == .protect(address: 1, length: 2, protection: 5))
    #expect(
      try operation("mremap 1 2 3 maymove|fixed 4")
        == .remap(address: 1, length: 2, newLength: 3, flags: 3, newAddress: 4))
    #expect(
      try operation("mremap 1 2 3 -")
        == .remap(address: 1, length: 2, newLength: 3, flags: 0, newAddress: 0))
    #expect(try operation("madvise 1 2 dontfork") == .advise(address: 1, length: 2, advice: 10))
    #expect(try operation("madvise 1 2 1000") == .advise(address: 1, length: 2, advice: 1000))
    #expect(try operation("mlock 1 2") == .lock(address: 1, length: 2))
    #expect(
      try operation("mlock 1 2 onfault|4") == .lock(address: 1, length: 2, flags: 5))
    #expect(try operation("munlock 1 2") == .unlock(address: 1, length: 2))
    #expect(try operation("fork") == .fork)
    let script = try MapScript(parsing: Self.window + "heap 0x1000\nbrk 0x2001")
    #expect(script.operations == [.setBreak(address: 0x2001)])
    #expect(try operation("touch 0xffffffffffffffff") == .touch(address: .max))
    #expect(try operation("query 7 r|next|file") == .query(address: 7, flags: 0x31))
    #expect(try operation("dump") == .dump)
  }

  @Test func flagsAreWordsAndNumbers() throws {
    func flags(_ field: String) throws -> UInt64 {
      try operation("mmap 0 1 r \(field) - 0").numbers[3]
    }
    #expect(try flags("-") == 0)
    #expect(try flags("shared|private") == 3)
    #expect(try flags("shared_validate") == 3)
    #expect(try flags("droppable|denywrite|executable|growsdown") == 0x1908)
    #expect(try flags("locked|noreserve|populate|nonblock|stack") == 0x3e000)
    #expect(try flags("sync|noreplace|fixed|anon") == 0x180030)
    #expect(try flags("private|0x4000000") == 0x4000002)
    #expect(try flags("16|0x20") == 0x30)

    func protection(_ field: String) throws -> UInt64 {
      try operation("mprotect 0 1 \(field)").numbers[2]
    }
    #expect(try protection("-") == 0)
    #expect(try protection("rwx") == 7)
    #expect(try protection("wr") == 3)
    #expect(try protection("r|w|x") == 7)
    #expect(try protection("rw|sem|growsdown|growsup") == 0x300000b)
    #expect(try protection("r|0x400") == 0x401)
  }

  @Test func everyAdviceHasItsNumber() throws {
    let words = [
      ("normal", 0), ("random", 1), ("sequential", 2), ("dontfork", 10), ("dofork", 11),
      ("mergeable", 12), ("unmergeable", 13), ("hugepage", 14), ("nohugepage", 15),
      ("dontdump", 16), ("dodump", 17), ("wipeonfork", 18), ("keeponfork", 19),
    ]
    for (word, number) in words {
      #expect(try operation("madvise 0 1 \(word)").numbers[2] == number)
    }
  }

  @Test func everySourceHasItsWord() throws {
    for (word, source) in [
      ("-", ScriptSource.none), ("file:A", .fileA), ("file:B", .fileB), ("file:C", .fileC),
      ("file:RO", .fileReadOnly),
    ] {
      #expect(try operation("mmap 0 1 r shared \(word) 0").source == source)
    }
  }

  @Test func theHeaderIsParsed() throws {
    let script = try MapScript(
      parsing: """
        # first a comment

        window 4096 0x2000   # and one here
        machine execute-only-keys
          confine
        heap 0x2fff
        limit memlock 1
        limit\tas 2
        limit data 0x3
        limit stack 18446744073709551615
        limit maps 5
        dump
        """)
    #expect(script.window == MapScript.Window(base: 4096, length: 8192))
    #expect(script.hasExecuteOnlyKeys)
    #expect(script.isConfined)
    #expect(script.heapStart == 0x2fff)
    #expect(script.limits.lockedMemory == 1)
    #expect(script.limits.addressSpace == 2)
    #expect(script.limits.data == 3)
    #expect(script.limits.stack == .max)
    #expect(script.limits.mapCount == 5)
    #expect(script.operations == [.dump])
    #expect(script.lineNumbers == [12])
  }

  @Test func operationsHaveTheirLines() throws {
    var script = try MapScript(parsing: Self.window + "\ndump\n# comment\n\ntouch 0\n\n")
    #expect(script.lineNumbers == [3, 6])
    script.operations.append(.dump)
    #expect(script.lineNumbers == [2, 3, 4])
  }

  @Test(arguments: [
    // The first line.
    ("", 1, "", ScriptError.Rule.windowFirst),
    ("# only a comment\n", 1, "", .windowFirst),
    ("\ndump\nwindow 0 1\n", 2, "dump", .windowFirst),
    ("confine\n", 1, "confine", .windowFirst),
    ("nonsense\n", 1, "nonsense", .windowFirst),
    ("window 1\n", 1, "window", .fieldCount(2...2)),
    ("window 1 2 3\n", 1, "3", .fieldCount(2...2)),
    ("window 1 0\n", 1, "0", .windowNotEmpty),
    ("window 1 0xffffffffffffffff\n", 1, "0xffffffffffffffff", .windowEnd),
    ("window a 1\n", 1, "a", .number),
    ("window 0 1\nwindow 0 1\n", 2, "window", .oneWindow),
    // The rest of the header.
    ("window 0 1\nconfine\nconfine\n", 3, "confine", .onceOnly),
    ("window 0 1\nconfine 1\n", 2, "1", .fieldCount(0...0)),
    ("window 0 1\ndump\nconfine\n", 3, "confine", .headerFirst),
    ("window 0 1\ndump\nlimit as 1\n", 3, "limit", .headerFirst),
    ("machine execute-only-keys\n", 1, "machine", .windowFirst),
    ("window 0 1\nmachine x86-64\n", 2, "x86-64", .machine),
    ("window 0 1\nmachine\n", 2, "machine", .fieldCount(1...1)),
    ("window 0 1\nmachine execute-only-keys 1\n", 2, "1", .fieldCount(1...1)),
    (
      "window 0 1\nmachine execute-only-keys\nmachine execute-only-keys\n", 3,
      "execute-only-keys", .onceOnly
    ),
    ("window 0 1\ndump\nmachine execute-only-keys\n", 3, "machine", .headerFirst),
    ("window 0 1\nheap 0\nheap 0\n", 3, "heap", .onceOnly),
    ("window 0 1\nheap\n", 2, "heap", .fieldCount(1...1)),
    ("window 0 1\nheap 0 1\n", 2, "1", .fieldCount(1...1)),
    ("window 0 1\nheap -1\n", 2, "-1", .number),
    ("window 0 1\nheap 1\n", 2, "1", .heapInWindow),
    ("window 1 1\nheap 0\n", 2, "0", .heapInWindow),
    ("window 0 1\ndump\nheap 0\n", 3, "heap", .headerFirst),
    ("heap 0\n", 1, "heap", .windowFirst),
    ("window 0 1\nlimit as 1\nlimit as 1\n", 3, "as", .onceOnly),
    ("window 0 1\nlimit nofile 1\n", 2, "nofile", .limit),
    ("window 0 1\nlimit as\n", 2, "limit", .fieldCount(2...2)),
    ("window 0 1\nlimit as unlimited\n", 2, "unlimited", .number),
    ("window 0 1\nlimit maps -1\n", 2, "-1", .number),
    // Operations.
    ("window 0 1\n\nfoo 1\n", 3, "foo", .knownOperation),
    ("window 0 1\nMMAP 0 1 r shared - 0\n", 2, "MMAP", .knownOperation),
    ("window 0 1\nmmap 0 1 r shared -\n", 2, "mmap", .fieldCount(6...6)),
    ("window 0 1\nmmap 0 1 r shared - 0 0\n", 2, "0", .fieldCount(6...6)),
    ("window 0 1\nmunmap 0\n", 2, "munmap", .fieldCount(2...2)),
    ("window 0 1\nmprotect 0 1\n", 2, "mprotect", .fieldCount(3...3)),
    ("window 0 1\nmremap 0 1 2\n", 2, "mremap", .fieldCount(4...5)),
    ("window 0 1\nmremap 0 1 2 - 3 4\n", 2, "4", .fieldCount(4...5)),
    ("window 0 1\nmadvise 0 1\n", 2, "madvise", .fieldCount(3...3)),
    ("window 0 1\nmlock 0 1 - 2\n", 2, "2", .fieldCount(2...3)),
    ("window 0 1\nmunlock 0\n", 2, "munlock", .fieldCount(2...2)),
    ("window 0 1\nbrk 0\n", 2, "brk", .heapGiven),
    ("window 0 1\nheap 0\nbrk\n", 3, "brk", .fieldCount(1...1)),
    ("window 0 1\nheap 0\nbrk 1 2\n", 3, "2", .fieldCount(1...1)),
    ("window 0 1\nheap 0\nbrk -1\n", 3, "-1", .number),
    ("window 0 1\nfork 1\n", 2, "1", .fieldCount(0...0)),
    ("window 0 1\ntouch\n", 2, "touch", .fieldCount(1...1)),
    ("window 0 1\nquery 0\n", 2, "query", .fieldCount(2...2)),
    ("window 0 1\ndump all\n", 2, "all", .fieldCount(0...0)),
    ("window 0 1\ndump\u{1}\n", 2, "dump\u{1}", .knownOperation),
    // Numbers.
    ("window 0 1\ntouch 0x\n", 2, "0x", .number),
    ("window 0 1\ntouch 0xg\n", 2, "0xg", .number),
    ("window 0 1\ntouch 0X1\n", 2, "0X1", .number),
    ("window 0 1\ntouch 1a\n", 2, "1a", .number),
    ("window 0 1\ntouch +1\n", 2, "+1", .number),
    ("window 0 1\ntouch 1_000\n", 2, "1_000", .number),
    ("window 0 1\ntouch 18446744073709551616\n", 2, "18446744073709551616", .numberSize),
    ("window 0 1\ntouch 0x10000000000000000\n", 2, "0x10000000000000000", .numberSize),
    ("window 0 1\ntouch 1\r\n", 2, "1\r", .number),
    // Words.
    ("window 0 1\nmadvise 0 1 willneed\n", 2, "willneed", .advice),
    ("window 0 1\nmadvise 0 1 999\n", 2, "999", .advice),
    ("window 0 1\nmadvise 0 1 -\n", 2, "-", .advice),
    ("window 0 1\nmadvise 0 1 normal|random\n", 2, "normal|random", .advice),
    ("window 0 1\nmmap 0 1 r shared file:D 0\n", 2, "file:D", .source),
    ("window 0 1\nmmap 0 1 r shared A 0\n", 2, "A", .source),
  ])
  func whatIsMalformedIsRefused(
    _ text: String, _ line: Int, _ value: String, _ rule: ScriptError.Rule
  ) {
    let error = ScriptError(line: line, value: value, rule: rule)
    #expect(throws: error) { try MapScript(parsing: text) }
    #expect(error.description.hasPrefix("line \(line): “\(value)”: "))
  }

  @Test(arguments: [
    ("mmap 0 1 q shared - 0", "q"), ("mmap 0 1 rr shared - 0", "rr"),
    ("mmap 0 1 r|| shared - 0", ""), ("mmap 0 1 -|r shared - 0", "-"),
    ("mmap 0 1 r shared|hugetlb - 0", "hugetlb"), ("mmap 0 1 r |shared - 0", ""),
    ("mmap 0 1 r maymove - 0", "maymove"), ("mprotect 0 1 rwX", "rwX"),
    ("mremap 0 1 2 shared", "shared"), ("query 0 rw", "rw"), ("query 0 next,r", "next,r"),
    ("mprotect 0 1 semr", "semr"), ("mlock 0 1 fault", "fault"),
  ])
  func unknownFlagsAreRefused(_ line: String, _ word: String) throws {
    let error = #expect(throws: ScriptError.self) {
      try MapScript(parsing: Self.window + line)
    }
    #expect(error?.line == 2)
    #expect(error?.value == word)
    guard case .flags = error?.rule else {
      Issue.record("not a rule of flags: \(String(describing: error))")
      return
    }
  }

  @Test func numbersInFlagsAreChecked() {
    #expect(throws: ScriptError(line: 2, value: "0x", rule: .number)) {
      try MapScript(parsing: Self.window + "mprotect 0 1 r|0x")
    }
    #expect(throws: ScriptError(line: 2, value: "18446744073709551616", rule: .numberSize)) {
      try MapScript(parsing: Self.window + "mprotect 0 1 18446744073709551616")
    }
  }

  @Test func whatIsNoUTF8IsShownReplaced() {
    let text = Array(Self.window.utf8) + [0xff, 0x20, 0x31]
    #expect(throws: ScriptError(line: 2, value: "\u{fffd}", rule: .knownOperation)) {
      try MapScript(parsing: text)
    }
    #expect(throws: Never.self) {
      try MapScript(parsing: Array(Self.window.utf8) + [0x23, 0xff])
    }
  }
}

/// A script's description is a script that says the same.
struct DescriptionTests {
  @Test(arguments: 1...200 as ClosedRange<UInt64>)
  func parsesToTheSame(_ seed: UInt64) throws {
    var generator = ScriptGenerator(seed: seed, profile: [nil, .forks, .heap][Int(seed % 3)])
    generator.mapLimitRarity = 2
    generator.hasExecuteOnlyKeys = seed.isMultiple(of: 2)
    let script = generator.next()
    let parsed = try MapScript(parsing: script.description)
    #expect(parsed == script)
    #expect(parsed.description == script.description)
    #expect(parsed.lineNumbers == script.lineNumbers)
  }

  @Test func isWhatOneWouldWrite() throws {
    let text = """
      window 0x100000 0x10000
      machine execute-only-keys
      confine
      heap 0x102345
      limit memlock 8192
      limit maps 5
      mmap 0x100000 0x3000 rw private|fixed|anon - 0x0
      mmap 0x100000 0x3000 r|sem|0x400 shared_validate|0x4000000 file:RO 0x1000
      mprotect 0x100000 0x1000 -
      mremap 0x100000 0x1000 0x2000 -
      mremap 0x100000 0x1000 0x2000 maymove|fixed|0x8 0x104000
      madvise 0x100000 0x1000 wipeonfork
      madvise 0x100000 0x1000 5000
      mlock 0x100000 0x1000
      mlock 0x100000 0x1000 onfault|0x2
      brk 0x104001
      fork
      query 0x100001 r|s|next
      touch 0x100000
      dump

      """
    #expect(try MapScript(parsing: text).description == text)
  }
}
