// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: that the read paths, and everything that they call in the program, make no call
// that counts references, allocates, checks exclusivity or initialises lazily, and none that can't
// be followed. What ends the program may do what it likes. `make test-benchmarks` runs it on the
// machine code of Benchmarks/Sources/disassembly-probes.
//
// What it leaves out: what the functions of shared libraries do, whose names it prints; processors
// other than x86-64.

import ArgumentParser
import Foundation
import MachineCode

@main
struct CheckMachineCode: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-machine-code",
    abstract: "Check what the read paths of a program call.",
    discussion: """
      Exit status: 0, also for code that isn't x86-64's, which isn't checked; 1 if a read path \
      makes a call that it must not make or isn't there, or if a control isn't caught; 64 for bad \
      arguments; 66 if the program can't be read; 69 if nm, objdump or swift demangle fails.
      """)

  @Argument(help: "The program: disassembly-probes, built for release.")
  var program: String

  func run() throws {
    guard FileManager.default.isReadableFile(atPath: program) else {
      fail("cannot read \(program)", code: 66)
    }
    let code = Disassembly(output(of: ["objdump", "-d", "--no-show-raw-insn", program]))
    guard code.fileFormat == "elf64-x86-64" else {
      print("disassembly: NOT CHECKED: this reads x86-64 code only, not \(code.fileFormat)")
      return
    }
    let names = output(of: ["nm", "-S", "--defined-only", program])
    let symbols = SymbolTable(output(of: ["swift", "demangle"], input: names))
    checkControls(code, symbols)
    var isFine = true
    for path in readPaths {
      isFine = check(path, CallWalk(path, code, symbols)) && isFine
    }
    if !isFine {
      fail("a read path makes a call that it must not make, or isn't there: see above", code: 1)
    }
  }

  /// Controls first: a check that sees nothing must not pass.
  private func checkControls(_ code: Disassembly, _ symbols: SymbolTable) {
    for control in controls {
      let path = ReadPath(label: "control", function: control.function)
      guard let walk = CallWalk(path, code, symbols) else {
        fail("no control named \(control.function)", code: 1)
      }
      guard walk.violations.contains(where: { $0.text.contains(control.finding) }) else {
        _ = check(path, walk)
        fail("\(control.function) calls \(control.finding), and the check didn't see it", code: 1)
      }
    }
    let missing = ReadPath(label: "control", function: "noFunctionHasThisName(")
    guard CallWalk(missing, code, symbols) == nil else {
      fail("a function that doesn't exist passed", code: 1)
    }
    print("disassembly: the controls were caught")
  }

  /// Prints what a path calls.
  ///
  /// - Returns: whether that is fine.
  private func check(_ path: ReadPath, _ walk: CallWalk?) -> Bool {
    guard let walk else {
      print("disassembly: \(path.label): no function named \(path.function)")
      return false
    }
    let outside = walk.callsOutside.sorted().map { " " + $0 }.joined()
    print(
      "disassembly: \(path.label): \(walk.functionCount) functions,",
      "\(walk.instructionCount) instructions;",
      "calls outside:" + (outside.isEmpty ? " none" : outside))
    for violation in walk.violations { print("  \(violation)") }
    return walk.violations.isEmpty
  }
}

extension CallWalk {
  fileprivate init?(_ path: ReadPath, _ code: Disassembly, _ symbols: SymbolTable) {
    self.init(from: path.function, label: path.label, code, symbols, rules)
  }
}

/// Ends the program with a message on standard error.
func fail(_ message: String, code: Int32) -> Never {
  // What was printed comes before it, also in a file that takes both.
  fflush(nil)
  FileHandle.standardError.write(Data("disassembly: \(message)\n".utf8))
  exit(code)
}
