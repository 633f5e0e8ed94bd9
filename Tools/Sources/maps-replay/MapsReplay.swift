// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: that an AddressSpace does what Linux does. It runs a script of operations on a
// fresh address space and prints what each returns: the same lines, byte for byte, that a real
// process would have got from the kernel.
//
// What it leaves out: the kernel's side, which is in this project's tests (Tests/KernelOracle).

import ArgumentParser
import Foundation
import MapScripts

@main
struct MapsReplay: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-replay",
    abstract: "Replay a script of address-space operations, and print what Linux would answer.",
    discussion: """
      A script has one operation per line; # starts a comment. Numbers are decimal or 0x and \
      hexadecimal, in bytes; flags are words or numbers joined by |, or - for none.

        window BASE LEN                          first; what dumps and queries are about
        machine execute-only-keys                the processor has protection keys
        confine                                  everything outside of the window is taken
        heap START                               in the window; without it, there is no brk
        limit memlock|as|data|stack|maps N       as setrlimit's, and the number of mappings
        mmap ADDR LEN PROT FLAGS SRC OFF         PROT rw, r|growsdown…; SRC -, file:A, B, C or RO
        munmap ADDR LEN
        mprotect ADDR LEN PROT
        mremap OLD OLDLEN NEWLEN FLAGS [NEWADDR] FLAGS maymove, fixed, dontunmap
        madvise ADDR LEN ADVICE                  dontfork, hugepage…, or a number from 1000 on
        mlock ADDR LEN [FLAGS]                   FLAGS onfault
        munlock ADDR LEN
        brk ADDR                                 the break, or 0 to ask where it is
        fork                                     what follows is the child's
        touch ADDR                               writes one byte
        query ADDR FLAGS                         PROCMAP_QUERY; FLAGS r, w, x, s, next, file
        dump                                     the lines of the maps, then a dot

      Each operation's result is a line: OK, OK and an address or an answer, or ERR and the error. \
      A mapping that is placed outside of the window is OK OUTSIDE, and unmapped at once.

      Exit status: 0, also if operations failed as they would in a process; 2 for a malformed \
      script, of which nothing is run; 64 for bad arguments; 66 if the file can't be read; 74 if \
      the results can't be written.
      """)

  @Argument(
    help: ArgumentHelp("The script's file; - for the standard input.", valueName: "script"))
  var file = "-"

  func run() throws {
    let script: MapScript
    do {
      script = try MapScript(parsing: try read())
    } catch let error as ScriptError {
      fail("\(file == "-" ? "standard input" : file): \(error)", code: 2)
    }
    var replay = ScriptReplay(script)
    var output = Output()
    for operation in script.operations {
      replay.perform(operation, appendingTo: &output.bytes)
      output.flush(above: Output.maximumBytes)
    }
    output.flush()
  }

  private func read() throws -> Data {
    do {
      let handle =
        file == "-"
        ? FileHandle.standardInput
        : try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
      return try handle.readToEnd() ?? Data()
    } catch {
      fail("cannot read \(file): \(error.localizedDescription)", code: 66)
    }
  }
}

/// The standard output, with what is yet to be written.
private struct Output {
  /// More bytes than this aren't held back.
  static let maximumBytes = 64 << 10

  var bytes: [UInt8] = []

  mutating func flush(above limit: Int = 0) {
    guard bytes.count > limit else { return }
    do {
      try FileHandle.standardOutput.write(contentsOf: bytes)
    } catch {
      fail("cannot write the results: \(error.localizedDescription)", code: 74)
    }
    bytes.removeAll(keepingCapacity: true)
  }
}

/// Ends the program with a message on standard error.
private func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("maps-replay: \(message)\n".utf8))
  exit(code)
}
