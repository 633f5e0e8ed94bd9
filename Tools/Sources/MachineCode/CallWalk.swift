// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What some functions of a program, and all that they call in it, call outside.
public struct CallWalk: Sendable {
  /// A call that must not be made, or that can't be followed.
  public struct Violation: Sendable, Hashable, CustomStringConvertible {
    /// The functions on the way, from the first one.
    public var path: [String]
    public var text: String

    public var description: String {
      path.joined(separator: " > ") + ": " + text
    }
  }

  public private(set) var functionCount = 0
  public private(set) var instructionCount = 0
  /// The functions of shared libraries that are called.
  public private(set) var callsOutside: Set<String> = []
  public private(set) var violations: [Violation] = []

  private let code: Disassembly
  private let symbols: SymbolTable
  private let rules: CallRules
  private var waiting: [(address: UInt64, path: [String])] = []
  private var seen: Set<UInt64> = []

  /// Walks from each function whose demangled name contains `part`.
  ///
  /// - Parameter label: what to call that in the violations' paths.
  /// - Returns: `nil` if there is no such function.
  public init?(
    from part: String, label: String, _ code: Disassembly, _ symbols: SymbolTable,
    _ rules: CallRules
  ) {
    (self.code, self.symbols, self.rules) = (code, symbols, rules)
    let roots = symbols.functions(named: part)
    if roots.isEmpty { return nil }
    for root in roots { push(root.address, [label]) }
    while functionCount < waiting.count {
      let next = waiting[functionCount]
      functionCount += 1
      visit(next.address, next.path)
    }
  }

  private mutating func push(_ address: UInt64, _ path: [String]) {
    if let function = symbols[address], rules.isEnding(function) { return }
    if seen.insert(address).inserted { waiting.append((address, path)) }
  }

  private mutating func visit(_ start: UInt64, _ path: [String]) {
    let body = code.body(at: start, symbols)
    guard let last = body.last else {
      violations.append(
        Violation(path: path, text: "no code at its address, 0x\(String(start, radix: 16))"))
      return
    }
    instructionCount += body.count
    for (index, instruction) in body.enumerated() {
      switch instruction.target {
      case nil:
        break
      case .indirect:
        if !isSwitch(body, index) {
          violations.append(Violation(path: path, text: instruction.text))
        }
      case .outside(let name):
        callsOutside.insert(name)
        if rules.forbids(name) { violations.append(Violation(path: path, text: instruction.text)) }
      case .address(let target):
        if instruction.isCall || !(start...last.address).contains(target) {
          let name = symbols[target]?.names.last ?? "a function without a symbol"
          push(target, path + [name])
        }
      }
    }
  }

  /// Whether an indirect call or jump stays in its function: a jump by a table, whose entry is
  /// added to the table's address. All else goes to a closure, a witness or a continuation.
  private func isSwitch(_ body: [Instruction], _ index: Int) -> Bool {
    let instruction = body[index]
    if instruction.isCall { return false }
    guard let register = instruction.jumpRegister else { return instruction.jumpsByTable }
    return body[..<index].last { $0.sets(register) }?.adds(to: register) ?? false
  }
}
