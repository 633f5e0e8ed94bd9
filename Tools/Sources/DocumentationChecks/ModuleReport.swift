// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// How well a module is documented.
public struct ModuleReport: Sendable {
  public let module: String
  /// How many declarations a reader comes upon.
  public let symbolCount: Int
  /// Those without documentation, in the order of files and lines.
  public let undocumented: [SymbolGraph.Symbol]
  /// How many warnings and errors `docc` gave.
  public let warningCount: Int

  /// - Parameter graphs: the module's own symbol graph, and those of its extensions of types of
  ///   other modules.
  public init(module: String, graphs: [SymbolGraph], warningCount: Int) {
    self.module = module
    self.warningCount = warningCount
    let symbols = graphs.flatMap(\.symbolsToDocument)
    symbolCount = symbols.count
    undocumented = symbols.filter { !$0.isDocumented }.sorted { $0.order < $1.order }
  }

  public var isComplete: Bool { undocumented.isEmpty && warningCount == 0 }

  /// A table of `reports`, a line each.
  public static func table(_ reports: [ModuleReport]) -> String {
    func row(_ module: String, _ cells: [String]) -> String {
      let name = module + String(repeating: " ", count: max(0, 16 - module.count))
      return name
        + cells.map { String(repeating: " ", count: max(1, 14 - $0.count)) + $0 }.joined() + "\n"
    }
    return reports.reduce(row("module", ["symbols", "undocumented", "warnings"])) { table, report in
      let counts = [report.symbolCount, report.undocumented.count, report.warningCount]
      return table + row(report.module, counts.map(String.init))
    }
  }
}

extension SymbolGraph.Symbol {
  fileprivate var order: (String, Int, String) { (place?.file ?? "", place?.line ?? 0, name) }
}
