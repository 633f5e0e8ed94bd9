// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

/// The tree knows no rule of Linux's, and the rules know no node.
@Suite struct LayerTests {
  private static let sources = SwiftCompiler.package + "/Sources/VirtualMemory/"

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: sources + folder).sorted()
      .map { sources + folder + "/" + $0 }
  }

  /// It compiles without the rest of the module, given the one thing that it asks for.
  @Test(.processes, .enabled(if: !isSanitizerBuild, "the types are the same"))
  func theTreeStandsByItself() throws {
    try withTemporaryDirectory { folder in
      let tag = folder + "/Tag.swift"
      try "extension Record { var tag: UInt64 { 0 } }".write(
        toFile: tag, atomically: false, encoding: .utf8)
      let diagnosis = try SwiftCompiler.typecheck(Self.files("Tree") + [tag])
      #expect(diagnosis.status == 0, "\(diagnosis.output)")
      // Without it, it doesn't: the modules were found, and the check can fail.
      let alone = try SwiftCompiler.typecheck(Self.files("Tree"))
      #expect(alone.errors.contains { $0.contains("no member 'tag'") }, "\(alone.output)")
    }
  }

  @Test func theRulesNameNoNode() throws {
    let nodes = [
      "Leaf", "InnerNode", "Bounds", "WriterNode", "Payload", "ChildSummary", "Child",
      "ChildSummaries", "Path",
    ]
    // Where bytes of nodes are counted, and where `plainAccess` gets its name.
    let exceptions = ["AddressSpace+Invariants.swift", "Record+Fields.swift"]
    for file in try Self.files("AddressSpace") where !exceptions.contains(where: file.hasSuffix) {
      let words = try String(contentsOfFile: file, encoding: .utf8)
        .split(separator: "\n").filter { !$0.drop { $0 == " " }.hasPrefix("//") }
        .flatMap { $0.split { !$0.isLetter } }.map(String.init)
      #expect(Set(words).isDisjoint(with: nodes), "\(file)")
    }
  }
}
