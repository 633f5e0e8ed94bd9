// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// What the compiler says of a module's public declarations and their documentation: a part of the
/// format of swift-docc-symbolkit.
public struct SymbolGraph: Sendable, Decodable {
  private var symbols: [Symbol]
  private var relationships: [Relationship]

  /// A declaration.
  public struct Symbol: Sendable, Decodable {
    fileprivate var identifier: Identifier
    fileprivate var kind: Kind
    fileprivate var pathComponents: [String]
    fileprivate var docComment: Documentation?
    fileprivate var location: Location?
  }

  fileprivate struct Identifier: Sendable, Decodable {
    /// `s:` and the mangled name.
    var precise: String
  }

  fileprivate struct Kind: Sendable, Decodable {
    var identifier: String
    var displayName: String
  }

  fileprivate struct Documentation: Sendable, Decodable {
    struct Line: Sendable, Decodable { var text: String }
    var lines: [Line]
  }

  fileprivate struct Location: Sendable, Decodable {
    struct Position: Sendable, Decodable {
      /// From 0.
      var line: Int
    }
    var uri: String
    var position: Position
  }

  private struct Relationship: Sendable, Decodable {
    struct Origin: Sendable, Decodable {
      var identifier: String

      /// Whether it is declared in the standard library: mangled names begin with `s` for its
      /// module or `S` for its best-known types, those of other modules with a digit, and C's with
      /// `So`.
      var isOfSwift: Bool {
        (identifier.hasPrefix("s:s") || identifier.hasPrefix("s:S"))
          && !identifier.hasPrefix("s:So")
      }
    }
    var source: String
    /// What declares the source: a requirement that it fulfils.
    var sourceOrigin: Origin?
  }

  /// The declarations that a reader of the documentation comes upon and that this module has to
  /// document.
  ///
  /// These are left out: underscored names and what is in types of such names; the blocks of
  /// extensions; members that a type gets from a protocol's extension, which are documented there;
  /// and what fulfils a requirement of a protocol of Swift's own, as `description` and `next()` do,
  /// whose documentation is Swift's.
  public var symbolsToDocument: [Symbol] {
    let fulfilling = relationships.filter { $0.sourceOrigin?.isOfSwift ?? false }.map(\.source)
    let documentedBySwift = Set(fulfilling)
    return symbols.filter { symbol in
      symbol.kind.identifier != "swift.extension"
        && !symbol.identifier.precise.contains("::SYNTHESIZED::")
        && !symbol.pathComponents.contains { $0.hasPrefix("_") }
        && !documentedBySwift.contains(symbol.identifier.precise)
    }
  }
}

extension SymbolGraph.Symbol {
  public var isDocumented: Bool {
    docComment?.lines.contains { !$0.text.allSatisfy(\.isWhitespace) } ?? false
  }

  /// The kind and the name, as in `Instance Method Pointer.load(in:)`.
  public var name: String { "\(kind.displayName) \(pathComponents.joined(separator: "."))" }

  /// Where it is declared: the file and, from 1, the line.
  public var place: (file: String, line: Int)? {
    guard let location else { return nil }
    let path = URL(string: location.uri)?.path(percentEncoded: false)
    return (path ?? location.uri, location.position.line + 1)
  }
}
