// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The instructions of a program, from the output of `objdump -d --no-show-raw-insn`.
public struct Disassembly: Sendable {
  /// The format of the program's file, such as `elf64-x86-64`.
  public let fileFormat: String
  private var addresses: [UInt64] = []
  private var texts: [Substring] = []

  public init(_ text: String) {
    var fileFormat = ""
    for line in text.utf8.split(separator: UInt8(ascii: "\n")) {
      if let colon = line.firstIndex(of: UInt8(ascii: ":")),
        let tab = line[colon...].firstIndex(of: UInt8(ascii: "\t"))
      {
        let digits = line[..<colon].drop { $0 == UInt8(ascii: " ") }
        guard let address = UInt64(Substring(digits), radix: 16) else { continue }
        addresses.append(address)
        texts.append(Substring(line[line.index(after: tab)...]))
      } else if fileFormat.isEmpty {
        let words = Substring(line).split(separator: " ")
        if words.dropLast().suffix(2) == ["file", "format"] { fileFormat = String(words.last!) }
      }
    }
    self.fileFormat = fileFormat
    // Sections come in the order of their addresses, if the linker hasn't been told otherwise.
    if zip(addresses, addresses.dropFirst()).contains(where: >) {
      let order = addresses.indices.sorted { addresses[$0] < addresses[$1] }
      (addresses, texts) = (order.map { addresses[$0] }, order.map { texts[$0] })
    }
  }

  private func instruction(_ index: Int) -> Instruction {
    Instruction(address: addresses[index], text: String(texts[index]))
  }

  /// The first instruction at `address` or behind it.
  private func index(_ address: UInt64) -> Int {
    var range = 0..<addresses.count
    while !range.isEmpty {
      let middle = range.lowerBound + range.count / 2
      range =
        addresses[middle] < address
        ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return range.lowerBound
  }

  /// The instructions of the function that begins at `address`; none if no instruction is there.
  ///
  /// Compilers leave some functions without a symbol, behind another one. Such a function ends at
  /// the padding that follows its last instruction, or where the next symbol is.
  func body(at address: UInt64, _ symbols: SymbolTable) -> [Instruction] {
    let first = index(address)
    guard first < addresses.count, addresses[first] == address else { return [] }
    if let byteCount = symbols[address]?.byteCount {
      return (first..<index(address + byteCount)).map(instruction)
    }
    var body = [instruction(first)]
    for next in (first + 1)..<max(first + 1, addresses.count) {
      if symbols[addresses[next]] != nil { break }
      let instruction = instruction(next)
      if body.last!.isEnd && instruction.isPadding { break }
      body.append(instruction)
    }
    return body
  }
}
