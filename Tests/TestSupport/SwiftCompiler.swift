// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Foundation

/// Compiles single files as another package would, against the modules that were built with the
/// running tests.
package enum SwiftCompiler {
  /// What the compiler said about a file.
  package struct Diagnosis: Sendable {
    package let status: Int32
    /// The text after `error: `, in order.
    package let errors: [String]
    package let warnings: [String]
    package let output: String
  }

  /// The names of the files in a folder beside `testFile`, without their extension.
  package static func snippets(in folder: String, beside testFile: String = #filePath) -> [String] {
    let path = (testFile as NSString).deletingLastPathComponent + "/" + folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".swift") }.map { String($0.dropLast(6)) }.sorted()
  }

  /// The lines `// error: …` of a file.
  package static func expectedErrors(in file: String) throws -> [String] {
    let prefix = "// error: "
    return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
  }

  /// Compiles `file` with no other setting than the language mode. Lifetimes are checked after
  /// the types: `-typecheck` would not be enough.
  package static func compile(_ file: String) throws -> Diagnosis {
    try run(["-emit-sil", "-o", "/dev/null", file])
  }

  /// Checks the types of `files` together, as files of this package.
  package static func typecheck(_ files: [String]) throws -> Diagnosis {
    // SwiftPM names a package after its folder.
    let name = package.split(separator: "/").last.map { String($0).lowercased() } ?? ""
    let features = ["InternalImportsByDefault", "MemberImportVisibility", "ExistentialAny"]
    return try run(
      ["-typecheck", "-package-name", String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })]
        + features.flatMap { ["-enable-upcoming-feature", $0] } + files)
  }

  private static func run(_ arguments: [String]) throws -> Diagnosis {
    let result = try runProcess(
      "swiftc", ["-swift-version", "6", "-parse-as-library"] + modules + arguments)
    let lines = result.standardError.split(separator: "\n").map(String.init)
    return Diagnosis(
      status: result.status,
      errors: lines.compactMap { text(of: $0, after: "error: ") },
      warnings: lines.compactMap { text(of: $0, after: "warning: ") },
      output: result.standardError)
  }

  /// Notes below a line of source repeat the message: only lines that start a diagnostic count.
  private static func text(of line: String, after label: String) -> String? {
    guard !line.hasPrefix(" "), let range = line.range(of: label) else { return nil }
    return String(line[range.upperBound...])
  }

  /// The package's folder.
  package static let package =
    // TestSupport/SwiftCompiler.swift, Tests, the package.
    URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  private static var modules: [String] {
    let products = (testProgram as NSString).deletingLastPathComponent
    return [
      "-I", products + "/Modules",
      "-Xcc", "-fmodule-map-file=" + products + "/_RCUShims.build/module.modulemap",
      "-Xcc", "-fmodule-map-file=" + products + "/_SystemShims.build/module.modulemap",
      "-Xcc", "-I" + package + "/CShims/_SystemShims/include",
      "-Xcc", "-fmodule-map-file=" + package + "/CShims/CURCU/module.modulemap",
    ]
  }

  private static var testProgram: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
      ?? CommandLine.arguments[0]
  }
}
