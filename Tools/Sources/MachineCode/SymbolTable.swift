// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The functions of a program that have a symbol, from the output of `nm -S --defined-only` with
/// its names demangled.
public struct SymbolTable: Sendable {
  public struct Function: Sendable, Hashable {
    public var address: UInt64
    /// `nil` if the symbol doesn't tell.
    public var byteCount: UInt64?
    /// More than one where compilers have merged equal code.
    public var names: [String]
  }

  private var functions: [UInt64: Function] = [:]

  /// - Parameter text: a line for each symbol: address, size if it has one, a letter for its kind,
  ///   name.
  public init(_ text: String) {
    for line in text.split(whereSeparator: \.isNewline) { add(line) }
  }

  private mutating func add(_ line: Substring) {
    let fields = line.split(separator: " ", maxSplits: 3)
    // Letters of a kind are no sizes, which have sixteen digits.
    let hasSize = fields.count == 4 && fields[1].utf8.count > 1
    let kind = hasSize ? 2 : 1
    guard fields.count > kind + 1, ["t", "T", "w", "W", "i"].contains(fields[kind]),
      let address = UInt64(fields[0], radix: 16)
    else { return }
    let name = line[fields[kind + 1].startIndex...]
    let size = hasSize ? UInt64(fields[1], radix: 16) : nil
    var function = functions[address] ?? Function(address: address, byteCount: nil, names: [])
    function.byteCount = [function.byteCount, size].compactMap { $0 }.filter { $0 > 0 }.max()
    function.names.append(String(name))
    functions[address] = function
  }

  /// The function that begins at `address`.
  public subscript(address: UInt64) -> Function? { functions[address] }

  /// The functions whose names contain `part`, in the order of their addresses.
  public func functions(named part: String) -> [Function] {
    functions.values.filter { $0.names.contains { $0.contains(part) } }
      .sorted { $0.address < $1.address }
  }
}
