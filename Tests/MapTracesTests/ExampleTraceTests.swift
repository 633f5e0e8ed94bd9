// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing
import _MapTraces

/// What the examples say that a process would get is what it gets.
struct ExampleTraceTests {
  @Test(.kernelAsJudge) func theTourIsTheKernels() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Examples/Traces")
    let script = try Data(contentsOf: folder.appendingPathComponent("tour.trace"))
    let expected = try Data(contentsOf: folder.appendingPathComponent("tour.expected"))
    var trace = try MapTrace(parsing: script)
    // What the tour shows is the same on machines with protection keys.
    trace.hasExecuteOnlyKeys = KernelSide.hasExecuteOnlyKeys
    let results = try KernelSide.run(trace)
    #expect(String(decoding: results, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
  }
}
