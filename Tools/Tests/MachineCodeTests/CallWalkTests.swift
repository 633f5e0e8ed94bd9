// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MachineCode
import Testing

/// What a walk finds in small programs.
struct CallWalkTests {
  private static let rules = CallRules(
    forbiddenPrefixes: ["swift_retain"], forbiddenNames: ["free"], endingParts: ["-> Swift.Never"])

  /// A program of functions, each of 0x10 bytes from 0x1000 on, an instruction a byte.
  private static func walk(
    from part: String = "probe", _ functions: [(name: String?, instructions: [String])]
  ) -> CallWalk? {
    var symbols = ""
    var code = "\na.out:     file format elf64-x86-64\n\n"
    for (index, function) in functions.enumerated() {
      let start = 0x1000 + 0x10 * index
      let digits = String(start, radix: 16)
      if let name = function.name {
        let size = String(function.instructions.count, radix: 16)
        symbols += "000000000000\(digits) " + String(repeating: "0", count: 16 - size.count)
        symbols += "\(size) t \(name)\n"
      }
      code += "\n000000000000\(digits) <\(function.name ?? "before")>:\n"
      for (offset, text) in function.instructions.enumerated() {
        code += "    \(String(start + offset, radix: 16)):\t\(text)\n"
      }
    }
    return CallWalk(from: part, label: "label", Disassembly(code), SymbolTable(symbols), rules)
  }

  private static func violations(_ functions: [(name: String?, instructions: [String])])
    -> [String]?
  {
    walk(functions)?.violations.map(\.description)
  }

  @Test func callsOutsideAreNamed() throws {
    let walk = try #require(
      Self.walk([
        ("probe() -> Swift.Int", ["call 500 <mmap@plt>", "call 1010 <g>", "ret"]),
        ("helper", ["jne 1011 <g+0x1>", "call 510 <getpid@plt>", "ret"]),
        ("other", ["call 520 <free@plt>", "ret"]),
      ]))
    #expect(walk.callsOutside == ["mmap", "getpid"])
    #expect(walk.functionCount == 2 && walk.instructionCount == 6)
    #expect(walk.violations.isEmpty)
  }

  @Test func whatIsForbiddenIsFoundAndThePathToldAtAnyDepth() {
    let violations = Self.violations([
      ("probe", ["call 1010 <g>", "ret"]),
      ("helper", ["jmp 1020 <h>"]),
      ("last", ["call 510 <swift_retain_n@plt>", "call 520 <free@plt>", "ret"]),
    ])
    #expect(
      violations == [
        "label > helper > last: call 510 <swift_retain_n@plt>",
        "label > helper > last: call 520 <free@plt>",
      ])
    // Not by the beginning, where the whole name counts.
    #expect(Self.violations([("probe", ["call 520 <freeaddrinfo@plt>", "ret"])]) == [])
  }

  @Test func conditionalJumpsToOtherFunctionsAreFollowed() {
    let violations = Self.violations([
      ("probe", ["je 1010 <g>", "ret"]), ("helper", ["call 520 <free@plt>", "ret"]),
    ])
    #expect(violations == ["label > helper: call 520 <free@plt>"])
  }

  @Test func whatEndsTheProgramMayCallWhatItLikes() {
    let ending = ("fail() -> Swift.Never", ["call 520 <free@plt>", "ud2"])
    #expect(Self.violations([("probe", ["call 1010 <g>", "ret"]), ending]) == [])
    #expect(Self.walk([("probe", ["call 1010 <g>", "ret"]), ending])?.functionCount == 1)
  }

  @Test func equalCodeEndsTheProgramUnderAllItsNamesOrNone() {
    let symbols = SymbolTable(
      """
      0000000000001000 0000000000000002 t probe
      0000000000001010 0000000000000002 t fail() -> Swift.Never
      0000000000001010 0000000000000002 t helper
      """)
    let code = Disassembly(
      "\n    1000:\tcall 1010 <h>\n    1001:\tret\n    1010:\tcall 520 <free@plt>\n    1011:\tret\n"
    )
    let walk = CallWalk(from: "probe", label: "label", code, symbols, Self.rules)
    #expect(walk?.violations.count == 1)
  }

  @Test func functionsWithoutASymbolAreFollowedToTheirEnd() {
    let violations = Self.violations([
      ("probe", ["call 1010 <before+0x10>", "ret"]),
      (nil, ["je 1013 <before+0x13>", "call 520 <free@plt>", "ret", "ret", "nopw 0x0(%rax)"]),
      (nil, ["call 510 <swift_retain@plt>", "ret"]),
    ])
    #expect(violations == ["label > a function without a symbol: call 520 <free@plt>"])
  }

  @Test func jumpsOutOfAFunctionWithoutASymbolAreFollowed() {
    let violations = Self.violations([
      ("probe", ["call 1010 <before+0x10>", "ret"]),
      (nil, ["jmp 1020 <helper>", "nop"]),
      ("helper", ["call 520 <free@plt>", "ret"]),
    ])
    #expect(violations == ["label > a function without a symbol > helper: call 520 <free@plt>"])
  }

  @Test func codeThatIsNotThereIsAViolation() {
    #expect(
      Self.violations([("probe", ["call 2000 <g>", "ret"])]) == [
        "label > a function without a symbol: no code at its address, 0x2000"
      ])
  }

  @Test func onlyJumpsByATableAreSwitches() {
    #expect(
      Self.violations([
        (
          "probe",
          [
            "movslq (%rcx,%rax,4),%rax", "add %rcx,%rax", "mov %esi,-0x8(%rbp)", "cmp %rax,%rdx",
            "jmp *%rax", "jmp *0x2000(,%rax,8)",
          ]
        )
      ]) == [])
    // The tail calls of a witness, a closure, and an asynchronous function's continuation.
    for tail in [
      ["mov 0x8(%rcx),%rax", "pop %rbp", "jmp *%rax"],
      ["mov %rdi,%rax", "jmp *%rax"],
      ["jmp *0x8(%rax)"],
      ["add %rcx,%rax", "mov 0x8(%rcx),%rax", "btr $0x3c,%rbp", "jmp *%rax"],
      ["jmp *%rax"],
      ["call *%rax", "ret"],
    ] {
      #expect(Self.violations([("probe", tail)])?.count == 1, "\(tail)")
    }
  }

  @Test func aFunctionThatIsNotThereIsNoWalk() {
    #expect(Self.walk(from: "nobody", [("probe", ["ret"])]) == nil)
  }

  @Test func symbolsWithoutASizeAndOtherSectionsAreRead() {
    let symbols = SymbolTable(
      """
      0000000000027718 t _init
      0000000000040000 0000000000000010 d data
      0000000000050000 0000000000000020 W a name (of, parts) -> Swift.Int

      """)
    #expect(symbols[0x27718]?.names == ["_init"] && symbols[0x27718]?.byteCount == nil)
    #expect(symbols[0x40000] == nil)
    #expect(symbols[0x50000]?.byteCount == 32)
    #expect(symbols.functions(named: "(of, parts)").map(\.address) == [0x50000])
  }
}
