// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: what is wrong with the library's documentation: public declarations without a
// comment, warnings of docc, and code of articles that doesn't compile. `make docs` runs it.
//
// What it leaves out: running the compilers. Tests/Scripts/docs.sh does that.

import ArgumentParser
import DocumentationChecks
import Foundation

@main
struct CheckDocumentation: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-documentation",
    abstract: "Check what is documented, and prepare the code of articles for a compiler.",
    discussion: """
      Exit status: 0; 1 if a declaration isn't documented or docc gave a warning; 2 for an article \
      whose blocks aren't closed or a malformed file of a compiler's; 64 for bad arguments; 66 if a \
      file can't be read; 73 if one can't be written.
      """,
    subcommands: [Symbols.self, Code.self])
}

/// Ends the program with a message on standard error.
private func fail(_ message: String, code: Int32) -> Never {
  FileHandle.standardError.write(Data("check-documentation: \(message)\n".utf8))
  exit(code)
}

private func contents(of file: URL) -> Data {
  do {
    return try Data(contentsOf: file)
  } catch {
    fail("cannot read \(file.path()): \(error.localizedDescription)", code: 66)
  }
}

/// Names each public declaration that isn't documented, and counts.
struct Symbols: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name the public declarations without a documentation comment; print a table.")

  @Option(help: "A folder that has a folder of symbol graphs for each module.")
  var graphs: String

  @Option(help: "A folder that has a file of docc's diagnostics, MODULE.json, for each module.")
  var diagnostics: String

  @Argument(help: "The modules.")
  var modules: [String]

  func run() throws {
    let reports = modules.map(report)
    for report in reports {
      for symbol in report.undocumented { print(line(symbol)) }
    }
    print(ModuleReport.table(reports), terminator: "")
    if !reports.allSatisfy(\.isComplete) { throw ExitCode(1) }
  }

  private func report(of module: String) -> ModuleReport {
    let folder = URL(filePath: graphs).appending(path: module)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
    let graphs: [SymbolGraph] = files.filter { $0.hasSuffix(".symbols.json") }.sorted()
      .map { decode(folder.appending(path: $0)) }
    if graphs.isEmpty {
      fail("no symbol graph of \(module) in \(folder.path())", code: 66)
    }
    let found: DocCDiagnostics = decode(
      URL(filePath: diagnostics).appending(path: module + ".json"))
    return ModuleReport(module: module, graphs: graphs, warningCount: found.warningCount)
  }

  private func decode<Value: Decodable>(_ file: URL) -> Value {
    do {
      return try JSONDecoder().decode(Value.self, from: contents(of: file))
    } catch {
      fail("\(file.path()): \(error)", code: 2)
    }
  }

  /// As compilers print it, with a path from the current folder.
  private func line(_ symbol: SymbolGraph.Symbol) -> String {
    let here = FileManager.default.currentDirectoryPath + "/"
    let place = symbol.place.map { place in
      let file = place.file.hasPrefix(here) ? place.file.dropFirst(here.count) : place.file[...]
      return "\(file):\(place.line)"
    }
    return "\(place ?? "unknown place"): \(symbol.name) has no documentation comment"
  }
}

/// Writes the code of articles as a package, and prints the names of its programs.
struct Code: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write the code of articles as a package of programs; print the programs' names.")

  @Option(help: "The folder of the checkout that the package depends on.")
  var checkout = "."

  @Option(help: "The folder of the package.")
  var package: String

  @Argument(help: "The articles: files of Markdown.")
  var articles: [String]

  func run() throws {
    let package: ArticlePackage
    do {
      package = ArticlePackage(
        articles: try articles.map { file in
          let text = String(
            decoding: contents(of: URL(filePath: file)), as: UTF8.self)
          return try ArticleCode(text, file: file)
        },
        checkout: URL(filePath: checkout).standardizedFileURL.path())
    } catch let error as ArticleError {
      fail("\(error)", code: 2)
    }
    do {
      try package.write(to: URL(filePath: self.package))
    } catch {
      fail(
        "cannot write to \(self.package): \(error.localizedDescription)", code: 73)
    }
    for program in package.programs { print(program.name) }
  }
}
