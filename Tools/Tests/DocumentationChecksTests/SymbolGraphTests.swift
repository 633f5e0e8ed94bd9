// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import DocumentationChecks
import Foundation
import Testing

/// Which declarations need documentation, in the symbol graphs of Fixtures/Sample.swift.
struct SymbolGraphTests {
  private func graph(_ name: String) throws -> SymbolGraph {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    let file = folder.appending(path: "\(name).symbols.json")
    return try JSONDecoder().decode(SymbolGraph.self, from: Data(contentsOf: file))
  }

  private func report(warnings: String = "[]") throws -> ModuleReport {
    let diagnostics = try JSONDecoder().decode(
      DocCDiagnostics.self, from: Data(#"{"version": 1, "diagnostics": \#(warnings)}"#.utf8))
    return ModuleReport(
      module: "Sample", graphs: [try graph("Sample"), try graph("Sample@Swift")],
      warningCount: diagnostics.warningCount)
  }

  @Test func undocumentedDeclarationsAreNamedWithTheirPlaces() throws {
    let undocumented = try report().undocumented
    #expect(
      undocumented.map { "\($0.place?.line ?? 0): \($0.name)" } == [
        "10: Instance Property Sample.undocumented",
        "16: Instance Method Sample.emptyComment()",
        "31: Case Choice.second",
        "38: Instance Method Counting.reset()",
        "42: Instance Method Counting.reset()",
        "43: Instance Property Counting.isEmpty",
        // A protocol of the module's own: docc hands its documentation on to nobody.
        "47: Instance Property Sample.count",
        "51: Instance Property Int.ofAnotherModule",
      ])
    #expect(Set(undocumented.compactMap(\.place?.file)) == ["/src/Sample.swift"])
  }

  @Test func whatOthersDocumentIsLeftOut() throws {
    let symbols = try graph("Sample").symbolsToDocument
    let names = Set(symbols.map(\.name))
    #expect(names.contains("Structure Sample"))
    #expect(names.contains("Case Choice.first"))
    for name in ["description", "next()", "!=(_:_:)", "filter(_:)", "_underscored()"] {
      #expect(!names.contains { $0.hasSuffix("Sample.\(name)") })
    }
    #expect(!names.contains { $0.hasSuffix("init(rawValue:)") })
    // Once each, where they are declared, not in each type that has them.
    #expect(!names.contains { $0.hasSuffix("Sample.isEmpty") })
    #expect(symbols.count { $0.isDocumented } == 6)
  }

  @Test func warningsAndErrorsOfDocCCount() throws {
    #expect(try report().warningCount == 0)
    let two = #"[{"severity": "warning"}, {"severity": "note"}, {"severity": "error"}]"#
    #expect(try report(warnings: two).warningCount == 2)
  }

  @Test func aModuleIsCompleteWithoutEither() throws {
    #expect(try !report().isComplete)
    let documented = ModuleReport(module: "Sample", graphs: [], warningCount: 0)
    #expect(documented.isComplete)
    #expect(!ModuleReport(module: "Sample", graphs: [], warningCount: 1).isComplete)
    #expect(
      ModuleReport.table([try report(), documented]) == """
        module                 symbols  undocumented      warnings
        Sample                      14             8             0
        Sample                       0             0             0

        """)
  }
}
