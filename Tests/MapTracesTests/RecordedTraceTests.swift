// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing
import _MapTraces

/// Traces whose answers depend on protection keys, as kernels on machines with keys and without have
/// answered them: the model of either kind of machine is tested on both.
@Suite(.serialized) struct RecordedTraceTests {
  static let withKeys = "execute-only-keys.trace"
  static let withoutKeys = "no-execute-only-keys.trace"

  @Test(arguments: [withKeys, withoutKeys]) func answersAreTheRecordedOnes(_ file: String) throws {
    let recordings = try RecordedTrace.load(file)
    #expect(recordings.count == Self.recordingCount)
    for recording in recordings {
      #expect(recording.trace.hasExecuteOnlyKeys == (file == Self.withKeys))
      #expect(modelResults(recording.trace).map(String.init) == recording.answers, "\(recording)")
      // A model of the other kind of machine would have been found out.
      var other = recording.trace
      other.hasExecuteOnlyKeys.toggle()
      #expect(modelResults(other).map(String.init) != recording.answers, "\(recording)")
    }
  }

  /// Writes the file of this machine's kind, if `SWIFT_URCU_RECORD_TRACES` is set.
  @Test(.kernelAsJudge, .enabled(if: environment("SWIFT_URCU_RECORD_TRACES") != nil))
  func record() throws {
    let hasKeys = KernelSide.hasExecuteOnlyKeys
    var text = """
      # SPDX-License-Identifier: Apache-2.0
      # SPDX-FileCopyrightText: 2026 The swift-urcu authors

      # Answers of a kernel on a machine with\(hasKeys ? "" : "out") protection keys: see RecordedTraceTests.

      """
    var seed: UInt64 = 1
    var count = 0
    while count < Self.recordingCount {
      if let trace = Self.informativeTrace(seed, hasKeys: hasKeys),
        case let comparison = try compare(trace), comparison.refusedIndex == nil
      {
        try #require(comparison.difference == nil)
        let recording = RecordedTrace(
          name: "seed \(seed)", trace: trace, answers: comparison.kernel.map(String.init))
        text += "\n# Seed \(seed).\n" + recording.text
        count += 1
      }
      seed += 1
    }
    let file = RecordedTrace.folder + "/" + (hasKeys ? Self.withKeys : Self.withoutKeys)
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  private static let recordingCount = 40
  private static let operationsMax = 40

  /// A short trace to which the two kinds of machines answer differently.
  private static func informativeTrace(_ seed: UInt64, hasKeys: Bool) -> MapTrace? {
    var generator = TraceGenerator(seed: seed)
    generator.hasExecuteOnlyKeys = hasKeys
    let trace = generator.next()
    guard trace.limits.mapCount == nil, trace.operations.count <= operationsMax else { return nil }
    var other = trace
    other.hasExecuteOnlyKeys.toggle()
    return modelResults(trace) == modelResults(other) ? nil : trace
  }
}
