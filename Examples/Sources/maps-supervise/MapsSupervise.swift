// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: address spaces of this library, mirrors of live processes or models from files,
// read by programs that know nothing of it: pmap, gdb, lsof, perf. The kernel asks this program
// before they open a file (seccomp's user notifications), and for a maps file they get a file in
// memory with a text of one instant. This needs no root, no FUSE and no change of the clients.
//
// What it leaves out: files that are opened by openat2 or io_uring, and smaps, whose numbers only
// the kernel knows. A set-uid program loses its rights, as with every such supervisor. A file keeps
// the text from when it was opened, where the kernel's would show later changes when it is read
// again. If this program is killed, the supervised ones can't open anything any more.

import ArgumentParser
import Foundation
import SystemPackage

@main
struct MapsSupervise: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-supervise",
    abstract: "Run a program that reads /proc/PID/maps from mirrors and models.",
    usage: "maps-supervise [--model PID=FILE ...] [--verbose] -- COMMAND [ARGUMENT ...]",
    discussion: """
      Example: maps-supervise -- pmap 1234

      Whenever the command, or a program that it starts, opens a process's maps, it gets the text \
      of a mirror of that process. Linux 5.14 or later is required.
      """)

  @Option(
    help: ArgumentHelp(
      "For the process PID, answer with the address space that is made of FILE, a maps text.",
      valueName: "PID=FILE"))
  var model: [String] = []

  @Flag(help: "Say on standard error which files were answered, and from what.")
  var verbose = false

  @Argument(parsing: .postTerminator, help: "The program to run, and its arguments.")
  var command: [String] = []

  func validate() throws {
    guard !command.isEmpty else { throw ValidationError("Name the program to run after --.") }
    for model in model { _ = try Self.parse(model) }
  }

  private static func parse(_ model: String) throws -> (pid: Int32, file: String) {
    let parts = model.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let pid = Int32(parts[0]), pid > 0 else {
      throw ValidationError("--model takes a process ID, = and a file, not “\(model)”.")
    }
    return (pid, String(parts[1]))
  }

  func run() throws {
    var maps = ServedMaps()
    for model in model {
      let (pid, file) = try Self.parse(model)
      do {
        try maps.addModel(pid, file: file)
      } catch {
        fail("\(file): \(error)")
      }
    }
    let supervisor: Supervisor
    do throws(Errno) {
      supervisor = try Supervisor(command, serving: maps) { [verbose] in
        if verbose { Self.say($0) }
      }
    } catch {
      switch error {
      case .noFunction, .invalidArgument:
        fail("this kernel has no notifications of system calls (seccomp, Linux 5.14)")
      case .resourceBusy:
        fail("this program is supervised already, and Linux allows only one supervisor")
      default:
        fail("\(command[0]): \(error)", status: error == .noSuchFileOrDirectory ? 127 : 126)
      }
    }
    Foundation.exit(supervisor.run())
  }

  private func fail(_ message: String, status: Int32 = 1) -> Never {
    Self.say(message)
    Foundation.exit(status)
  }

  private static func say(_ message: String) {
    FileHandle.standardError.write(Data("maps-supervise: \(message)\n".utf8))
  }
}
