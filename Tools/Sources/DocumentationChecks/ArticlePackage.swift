// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import Foundation

/// A package that has a program for each article with Swift code, and depends on a checkout of
/// swift-urcu as any other package does.
public struct ArticlePackage: Sendable {
  /// An article's program.
  public struct Program: Sendable {
    /// Its target's name, which no module of the library has.
    public var name: String
    public var code: ArticleCode
  }

  public let programs: [Program]
  private let checkout: String

  /// - Parameter checkout: the absolute path of the checkout's folder.
  public init(articles: [ArticleCode], checkout: String) {
    programs = articles.filter { !$0.pieces.isEmpty }
      .map { Program(name: Self.name(for: $0.file), code: $0) }
    self.checkout = checkout
  }

  /// `article-README` for `README.md`, and `article-ReadCopyUpdate-GettingStarted` for
  /// `ReadCopyUpdate.docc/GettingStarted.md`: catalogs may have articles of equal names.
  private static func name(for file: String) -> String {
    let article = URL(filePath: file)
    let folder = article.deletingLastPathComponent()
    let catalog = folder.pathExtension == "docc" ? [folder] : []
    let names = (catalog + [article]).map { $0.deletingPathExtension().lastPathComponent }
    return "article-" + names.joined(separator: "-")
  }

  /// Writes the package into `folder`. A file that is there and has the same text stays as it is,
  /// so that only what has changed is built again.
  public func write(to folder: URL) throws {
    try write(manifest, to: folder.appending(path: "Package.swift"))
    for program in programs {
      // A file named main.swift has statements; one with an entry point may not be named so.
      let sources = folder.appending(path: "Sources/\(program.name)")
      let (file, other) =
        program.code.hasEntryPoint
        ? ("Program.swift", "main.swift") : ("main.swift", "Program.swift")
      try write(program.code.source, to: sources.appending(path: file))
      try? FileManager.default.removeItem(at: sources.appending(path: other))
    }
  }

  private func write(_ text: String, to file: URL) throws {
    if let current = try? String(contentsOf: file, encoding: .utf8), current == text { return }
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(text.utf8).write(to: file)
  }

  /// The package's manifest.
  public var manifest: String {
    """
    // swift-tools-version: 6.2
    import PackageDescription

    let products: [Target.Dependency] =
      ["ReadCopyUpdate", "SequenceLocks", "VirtualMemory", "ProcessMaps"]
      .map { .product(name: $0, package: "swift-urcu") }

    let package = Package(
      name: "articles",
      dependencies: [.package(name: "swift-urcu", path: \(String(reflecting: checkout)))],
      targets: [
    \(programs.map(target).joined(separator: "\n"))
      ]
    )

    """
  }

  private func target(of program: Program) -> String {
    let lifetimes =
      program.code.namesLifetimes ? ", .enableExperimentalFeature(\"Lifetimes\")" : ""
    return """
          .executableTarget(
            name: \(String(reflecting: program.name)), dependencies: products,
            swiftSettings: [.treatAllWarnings(as: .error)\(lifetimes)]),
      """
  }
}
