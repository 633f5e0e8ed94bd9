// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Sample.symbols.json is what the compiler writes about this module, less what nobody here reads:
//   swiftc -emit-module -parse-as-library -emit-symbol-graph -emit-extension-block-symbols \
//     -emit-symbol-graph-dir FOLDER Sample.swift

/// A structure whose conformances the compiler derives.
public struct Sample: Hashable, Sendable {
  public var undocumented = 0

  /// Makes one.
  public init() {}

  ///
  public func emptyComment() {}

  public func _underscored() {}
}

// The documentation of what these declare is that of the protocols.
extension Sample: CustomStringConvertible, Sequence, IteratorProtocol {
  public var description: String { "sample" }
  public mutating func next() -> Int? { nil }
}

/// A choice, whose raw values the compiler adds.
public enum Choice: Int {
  /// The first.
  case first
  case second
}

/// A protocol whose requirement and its default are declared here.
public protocol Counting {
  /// How many there are.
  var count: Int { get }
  func reset()
}

extension Counting {
  public func reset() {}
  public var isEmpty: Bool { count == 0 }
}

extension Sample: Counting {
  public var count: Int { 0 }
}

extension Int {
  public var ofAnotherModule: Int { self }
}

public struct _Underscored {
  public var member = 0
}

struct Internal {
  var member = 0
}
