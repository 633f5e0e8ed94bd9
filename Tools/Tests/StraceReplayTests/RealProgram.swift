// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing
import StraceReplay

/// Programs to record.
enum RealProgram {
  /// Why nothing can be recorded; `nil` if it can.
  static let reasonToSkip = StraceRecorder.reasonUnavailable()

  static var skipComment: Comment { "strace can't be used: \(reasonToSkip ?? "")" }

  static let compiler = find(["cc", "gcc", "clang"])

  /// The interpreter itself, as what is in `PATH` may be a script that looks for it; `nil` if there
  /// is none, or one without the modules that the test imports, which some systems package apart.
  static let python: String? = {
    guard find(["python3"]) != nil else { return nil }
    let script = "import decimal, json, socket, subprocess, sys, threading; print(sys.executable)"
    let result = try? runProcess("python3", ["-c", script])
    guard let result, result.status == 0 else { return nil }
    return result.standardOutput.split(separator: "\n").first.map(String.init)
  }()

  /// The first of `programs` that is in `PATH`.
  static func find(_ programs: [String]) -> String? {
    let folders = (environment("PATH") ?? "").split(separator: ":")
    return programs.first { program in
      folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
    }
  }

  /// Compiles one of the C programs beside this file.
  static func compile(_ name: String, in folder: String) throws -> String {
    let source = ((#filePath as NSString).deletingLastPathComponent as NSString)
      .appendingPathComponent("Programs/\(name).c")
    let program = folder + "/" + name
    let result = try compileC(
      source: String(contentsOfFile: source, encoding: .utf8), to: program, flags: ["-pthread"])
    try #require(result.status == 0, "\(result.standardError)")
    return program
  }

  /// Records `command`, makes its calls again, and compares all that can be compared. Where page
  /// faults can't be recorded, it says so, and compares less.
  @discardableResult
  static func expectEqual(_ command: [String]) throws -> StraceRecording {
    let recording = try StraceRecorder().record(command)
    if recording.faults == nil {
      print("\(command[0]): page faults can't be recorded; neighbours that look alike count as one")
    }
    let replay = try StraceReplay(recording)
    while let step = try replay.next() {
      switch step.outcome {
      case .disagrees, .unsupported:
        Issue.record("line \(step.call.endLine): \(step.call.text): \(step.outcome)")
      case .agrees, .ambiguous, .unknownMap, .notCompared:
        break
      }
    }
    #expect(replay.statistics.agreeingCount > 10 && replay.statistics.unknownMapCount == 0)
    // Calls that were made at the same time are few.
    #expect(replay.statistics.ambiguousCount < replay.statistics.agreeingCount / 5)
    let ends = recording.maps.count { $0.moment == .end }
    #expect(ends > 0 && replay.comparisons.count == ends)
    for comparison in replay.comparisons {
      #expect(comparison.lateCallCount == 0, "\(comparison.program) changed while it ended")
      // Without page faults the kernel's splits can't all be known.
      let isEqual =
        recording.faults == nil ? comparison.isEqualButForSplits : comparison.isEqual
      #expect(
        isEqual, "\(comparison.program): \(comparison.differences.joined(separator: "\n"))")
    }
    return recording
  }
}
