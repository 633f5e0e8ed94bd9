// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What a function, and all that it calls in the program, may not call.
public struct CallRules: Sendable {
  /// The beginnings of names in shared libraries.
  public var forbiddenPrefixes: [String]
  /// Whole names in shared libraries.
  public var forbiddenNames: Set<String>
  /// Parts of demangled names of functions of the program that end it, and so may call what they
  /// like.
  public var endingParts: [String]

  public init(
    forbiddenPrefixes: [String], forbiddenNames: Set<String>, endingParts: [String]
  ) {
    self.forbiddenPrefixes = forbiddenPrefixes
    self.forbiddenNames = forbiddenNames
    self.endingParts = endingParts
  }

  func forbids(_ name: String) -> Bool {
    forbiddenNames.contains(name) || forbiddenPrefixes.contains { name.hasPrefix($0) }
  }

  /// Whether a function ends the program, under each of its names.
  func isEnding(_ function: SymbolTable.Function) -> Bool {
    function.names.allSatisfy { name in endingParts.contains { name.contains($0) } }
  }
}
