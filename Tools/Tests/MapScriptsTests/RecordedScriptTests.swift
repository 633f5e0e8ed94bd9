// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing
import MapScripts

/// Scripts whose answers depend on protection keys, as kernels on machines with keys and without
/// have answered them: the model of either kind of machine is tested on both.
@Suite(.serialized) struct RecordedScriptTests {
  static let withKeys = "execute-only-keys.script"
  static let withoutKeys = "no-execute-only-keys.script"

  @Test(arguments: [withKeys, withoutKeys]) func answersAreTheRecordedOnes(_ file: String) throws {
    let recordings = try RecordedScript.load(file)
    #expect(recordings.count == Self.recordingCount)
    for recording in recordings {
      #expect(recording.script.hasExecuteOnlyKeys == (file == Self.withKeys))
      #expect(modelResults(recording.script).map(String.init) == recording.answers, "\(recording)")
      // A model of the other kind of machine would have been found out.
      var other = recording.script
      other.hasExecuteOnlyKeys.toggle()
      #expect(modelResults(other).map(String.init) != recording.answers, "\(recording)")
    }
  }

  /// Writes the file of this machine's kind, if `SWIFT_URCU_RECORD_SCRIPTS` is set.
  @Test(.kernelAsJudge, .enabled(if: environment("SWIFT_URCU_RECORD_SCRIPTS") != nil))
  func record() throws {
    let hasKeys = KernelSide.hasExecuteOnlyKeys
    var text = """
      # SPDX-License-Identifier: Apache-2.0
      # SPDX-FileCopyrightText: 2026 The swift-urcu authors

      # Answers of a kernel on a machine with\(hasKeys ? "" : "out") protection keys: see RecordedScriptTests.

      """
    var seed: UInt64 = 1
    var count = 0
    while count < Self.recordingCount {
      if let script = Self.informativeScript(seed, hasKeys: hasKeys),
        case let comparison = try compare(script), comparison.refusedIndex == nil
      {
        try #require(comparison.difference == nil)
        let recording = RecordedScript(
          name: "seed \(seed)", script: script, answers: comparison.kernel.map(String.init))
        text += "\n# Seed \(seed).\n" + recording.text
        count += 1
      }
      seed += 1
    }
    let file = RecordedScript.folder + "/" + (hasKeys ? Self.withKeys : Self.withoutKeys)
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  private static let recordingCount = 40
  private static let maximumOperations = 40

  /// A short script to which the two kinds of machines answer differently.
  private static func informativeScript(_ seed: UInt64, hasKeys: Bool) -> MapScript? {
    var generator = ScriptGenerator(seed: seed)
    generator.hasExecuteOnlyKeys = hasKeys
    let script = generator.next()
    guard script.limits.mapCount == nil, script.operations.count <= maximumOperations else {
      return nil
    }
    var other = script
    other.hasExecuteOnlyKeys.toggle()
    return modelResults(script) == modelResults(other) ? nil : script
  }
}
