// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// An instruction of x86-64, as `objdump -d --no-show-raw-insn` writes it.
public struct Instruction: Sendable, Hashable {
  /// Where an instruction goes on, if not at the next one.
  public enum Target: Sendable, Hashable {
    /// In the program.
    case address(UInt64)
    /// In a shared library.
    case outside(String)
    /// Wherever a register or a word of memory says.
    case indirect
  }

  public let address: UInt64
  /// As it was written.
  public let text: String
  /// Without prefixes.
  private let words: [Substring]

  public init(address: UInt64, text: String) {
    self.address = address
    self.text = text
    words = text.split { $0 == " " || $0 == "\t" }.drop(while: Self.isPrefix).map { $0 }
  }

  private static func isPrefix(_ word: Substring) -> Bool {
    ["bnd", "notrack", "data16", "addr32", "rep", "repz", "repnz", "lock", "cs", "ds"].contains(
      word)
      || word.hasPrefix("rex")
  }

  private var mnemonic: Substring { words.first ?? "" }

  /// The operands, without the remark that may follow.
  private var operands: String {
    words.dropFirst().prefix { $0 != "#" && !$0.hasPrefix("<") }.joined(separator: " ")
  }

  public var isCall: Bool { mnemonic.hasPrefix("call") }

  /// Whether the next instruction is reached only from elsewhere.
  public var isEnd: Bool {
    ["ret", "jmp", "ud2"].contains { mnemonic.hasPrefix($0) }
  }

  /// Whether it is there only so that the next function begins at a round address.
  public var isPadding: Bool {
    mnemonic.hasPrefix("nop") || mnemonic == "int3" || text.hasSuffix("%ax,%ax")
  }

  /// `nil` if it is neither a call nor a jump.
  public var target: Target? {
    guard ["call", "j", "loop"].contains(where: { mnemonic.hasPrefix($0) }) else { return nil }
    if operands.contains("*") { return .indirect }
    if let name = nameOutside { return .outside(name) }
    return UInt64(operands, radix: 16).map(Target.address) ?? .indirect
  }

  /// The `free` of `call 27740 <free@plt>`: a call by the table of what is linked dynamically.
  private var nameOutside: String? {
    guard let word = words.last, word.hasPrefix("<"), word.hasSuffix("@plt>") else { return nil }
    let name = word.dropFirst().dropLast("@plt>".count)
    return name.contains("+") ? nil : String(name)
  }

  /// The register that an indirect jump goes by, such as `%rax`; `nil` if it is a word of memory.
  var jumpRegister: String? {
    operands.hasPrefix("*%") ? String(operands.dropFirst()) : nil
  }

  /// Whether an indirect jump goes by a table in memory with an index: `jmp *0x2000(,%rax,8)`.
  var jumpsByTable: Bool { operands.contains(",") }

  /// Whether it sets `register`.
  func sets(_ register: String) -> Bool {
    let compares = ["cmp", "test", "bt ", "push", "call", "j"].contains { mnemonic.hasPrefix($0) }
    return !compares && operands.hasSuffix(register)
  }

  /// Whether it adds to `register` what another one has.
  func adds(to register: String) -> Bool {
    mnemonic.hasPrefix("add") && operands.hasPrefix("%") && operands.hasSuffix("," + register)
  }
}
