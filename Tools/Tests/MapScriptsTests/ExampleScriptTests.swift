// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Testing
import MapScripts

/// What the examples say that a process would get is what it gets.
struct ExampleScriptTests {
  @Test(.kernelAsJudge) func theTourIsTheKernels() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Samples")
    let text = try Data(contentsOf: folder.appendingPathComponent("tour.script"))
    let expected = try Data(contentsOf: folder.appendingPathComponent("tour.expected"))
    var script = try MapScript(parsing: text)
    // What the tour shows is the same on machines with protection keys.
    script.hasExecuteOnlyKeys = KernelSide.hasExecuteOnlyKeys
    let results = try KernelSide.run(script)
    #expect(String(decoding: results, as: UTF8.self) == String(decoding: expected, as: UTF8.self))
  }
}
