// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: the address space of a real program over time, made again from the system calls
// that strace recorded; and that the replay's results and final maps are the kernel's.
//
// What it leaves out: how a trace and the maps that belong to it are taken together (StraceRecorder
// in this project), and what page faults do where they are not recorded.

import ArgumentParser
import Foundation
import StraceReplay

@main
struct MapsStrace: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-strace",
    abstract: "Replay the memory system calls of a real program, and show its maps over time.",
    usage: """
      maps-strace [OPTIONS] -- PROGRAM ARGUMENTS…
      maps-strace [OPTIONS] TRACE [--initial MAPS] [--final MAPS]
      """,
    discussion: """
      PROGRAM is run under strace, with all processes that it starts. A TRACE is a folder that --save \
      has written, or a file as of

        strace -f -y -ttt -o FILE -e trace=memory,process,prctl,open,openat,close PROGRAM

      For each call a line: the time, the process, the call. Below it what it changes of the map: \
      + a mapping that is new, - one that is gone, ~ one that looks different. At the end, what the \
      calls returned is summed up, and the maps are compared with the kernel's.

      Exit status: 0 if all results and all final maps are the kernel's; 1 if not; 2 for a malformed \
      trace or map; 64 for bad arguments; 66 if a file can't be read; 69 if strace can't be used; 73 \
      if a folder can't be written.
      """)

  @Argument(help: "The trace: a file, or a folder.")
  var trace: String?

  @Argument(parsing: .postTerminator, help: "The program to run, and its arguments.")
  var command: [String] = []

  @Option(help: "The map when the program started: of the first process of TRACE.")
  var initial: String?

  @Option(help: "The map when the program ended: of the first process of TRACE.")
  var final: String?

  @Option(help: "Write the recording to this folder.")
  var save: String?

  @Option(help: "Show the whole map after every so many changes.")
  var every: Int?

  @Flag(help: "Show the whole map of each process at its end.")
  var atEnd = false

  @Flag(help: "Show no calls.")
  var quiet = false

  @Flag(help: "The machine of a TRACE that is a file has protection keys.")
  var executeOnlyKeys = false

  @Flag(
    help:
      "Assume that nothing is ever written to, instead of everything, where page faults are not known."
  )
  var untouched = false

  func validate() throws {
    guard (trace != nil) != !command.isEmpty else {
      throw ValidationError("Give a TRACE, or -- and a PROGRAM.")
    }
    guard command.isEmpty || (initial == nil && final == nil) else {
      throw ValidationError("--initial and --final go with a TRACE.")
    }
    guard command.isEmpty || !executeOnlyKeys else {
      throw ValidationError("--execute-only-keys goes with a TRACE.")
    }
    guard every ?? 1 > 0 else { throw ValidationError("--every takes a positive number.") }
  }

  func run() throws {
    var recording = command.isEmpty ? load() : record()
    if executeOnlyKeys { recording.hasProtectionKeys = true }
    if let save {
      do {
        try RecordingFolder(path: save).write(recording)
      } catch {
        fail("cannot write \(save): \(error.localizedDescription)", code: 73)
      }
    }
    do {
      let replay = try StraceReplay(recording, assuming: untouched ? .none : .everywhere)
      var timeline = Timeline(every: every, showsCalls: !quiet, showsEnds: atEnd)
      while let step = try replay.next() { timeline.show(step) }
      let isEqual = Summary(replay, knowsFaults: recording.faults != nil).show()
      throw isEqual ? ExitCode.success : ExitCode(1)
    } catch let error as StraceError {
      fail("\(trace ?? command[0]): \(error)", code: 2)
    }
  }

  private func record() -> StraceRecording {
    var recorder = StraceRecorder()
    recorder.sharesOutput = true
    do {
      return try recorder.record(command)
    } catch {
      fail("\(error)", code: 69)
    }
  }

  private func load() -> StraceRecording {
    let path = trace ?? ""
    do {
      var isFolder: ObjCBool = false
      if unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
        isFolder.boolValue
      {
        return try RecordingFolder(path: path).read()
      }
      return try RecordingFolder.read(trace: path, initial: initial, final: final)
    } catch let error as StraceError {
      fail("\(path): \(error)", code: 2)
    } catch {
      fail("cannot read \(path): \(error.localizedDescription)", code: 66)
    }
  }
}

/// Ends the program with a message on standard error.
private func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("maps-strace: \(message)\n".utf8))
  exit(code)
}
