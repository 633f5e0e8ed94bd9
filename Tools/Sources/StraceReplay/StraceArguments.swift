// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// The arguments of one call, as texts.
struct StraceArguments {
  private let texts: [String]
  private let lineNumber: Int

  init(_ texts: [String], lineNumber: Int) {
    self.texts = texts
    self.lineNumber = lineNumber
  }

  private func error(_ value: String, _ rule: StraceError.Rule) -> StraceError {
    StraceError(line: lineNumber, value: value, rule: rule)
  }

  // MARK: By call

  /// What the call `name` asks for; `nil` if that is nothing that is replayed.
  func operation(of name: String) throws(StraceError) -> StraceOperation? {
    switch name {
    case "fork", "vfork":
      return .start(
        StraceStart(sharesMemory: name == "vfork", sharesFiles: false, isThread: false))
    case "clone", "clone3": return startOperation()
    case "execve": return .execute(path: try text(0))
    case "execveat": return .execute(path: try text(1))
    case "exit_group": return .exitProcess
    case "open", "openat", "openat2", "creat", "memfd_create": return openOperation(name)
    case "close": return .close(descriptor: try descriptor(0).number)
    case "prctl": return try nameOperation()
    default: return try memoryOperation(name)
    }
  }

  private func memoryOperation(_ name: String) throws(StraceError) -> StraceOperation {
    switch name {
    case "mmap": return try mapOperation()
    case "munmap": return .unmap(address: try number(0), length: try number(1))
    case "mprotect", "pkey_mprotect":
      let operation = StraceOperation.protect(
        address: try number(0), length: try number(1),
        protection: UInt32(truncatingIfNeeded: try flags(2, .protection)))
      // A key is part of what merging compares, and an address space here has none.
      return name == "mprotect" || texts.last == "-1" ? operation : .unsupported
    case "mremap":
      return .remap(
        address: try number(0), length: try number(1), newLength: try number(2),
        flags: try flags(3, .remapFlags), newAddress: texts.count > 4 ? try number(4) : 0)
    case "madvise":
      return .advise(
        address: try number(0), length: try number(1),
        advice: Int32(truncatingIfNeeded: try flags(2, .advice)))
    case "mlock": return .lock(address: try number(0), length: try number(1), onFault: false)
    case "mlock2":
      return .lock(
        address: try number(0), length: try number(1), onFault: try flags(2, .lockFlags) == 1)
    case "munlock": return .unlock(address: try number(0), length: try number(1))
    case "brk": return .setBreak(address: try number(0))
    default: return .unsupported
    }
  }

  private func mapOperation() throws(StraceError) -> StraceOperation {
    let flags = try flags(3, .mapFlags)
    // Huge pages by reservation: `MAP_HUGETLB`.
    if flags & 0x40000 != 0 { return .unsupported }
    var file: StraceFile?
    if flags & MmapFlags.anonymous.rawValue == 0 {
      let descriptor = try descriptor(4)
      if descriptor.number >= 0 {
        guard let path = descriptor.path else { throw error(texts[4], .descriptor) }
        file = StraceFile(
          descriptor: descriptor.number, path: path, isDeleted: descriptor.isDeleted)
      }
    }
    return .map(
      address: try number(0), length: try number(1),
      protection: UInt32(truncatingIfNeeded: try self.flags(2, .protection)), flags: flags,
      file: file, offset: try number(5))
  }

  /// Flags are looked for in all of the text: `clone` and `clone3` show them at different places.
  private func startOperation() -> StraceOperation {
    let words = texts.joined(separator: ",").split { !($0.isLetter || $0 == "_") }
    return .start(
      StraceStart(
        sharesMemory: words.contains("CLONE_VM"), sharesFiles: words.contains("CLONE_FILES"),
        isThread: words.contains("CLONE_THREAD")))
  }

  private func openOperation(_ name: String) -> StraceOperation {
    if name == "creat" { return .open(access: .writeOnly) }
    let words = texts.joined(separator: ",").split { !($0.isLetter || $0 == "_") }
    if words.contains("O_WRONLY") { return .open(access: .writeOnly) }
    let isWritable = name == "memfd_create" || words.contains("O_RDWR")
    return .open(access: isWritable ? .readWrite : .readOnly)
  }

  /// `prctl` does many things; only names of memory are of interest.
  private func nameOperation() throws(StraceError) -> StraceOperation? {
    guard texts.count >= 5, texts[0] == "PR_SET_VMA", texts[1] == "PR_SET_VMA_ANON_NAME" else {
      return nil
    }
    let name = texts[4] == "NULL" ? nil : try bytes(quoted: texts[4])
    return .setName(address: try number(2), length: try number(3), name: name)
  }

  // MARK: By kind

  private func argument(_ index: Int) throws(StraceError) -> String {
    guard index < texts.count else {
      throw error(texts.joined(separator: ", "), .argumentCount(index + 1))
    }
    return texts[index]
  }

  private func number(_ index: Int) throws(StraceError) -> UInt64 {
    let text = try argument(index)
    if let value = StraceWords.number(text) { return value }
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text[...]
    let isNumber = !digits.isEmpty && digits.allSatisfy(\.isHexDigit)
    throw error(text, isNumber ? .numberSize : .number)
  }

  private func flags(_ index: Int, _ words: StraceWords) throws(StraceError) -> UInt64 {
    let text = try argument(index)
    guard let value = words.value(of: text) else {
      throw error(text, .flags(meaning: words.meaning))
    }
    return value
  }

  private func text(_ index: Int) throws(StraceError) -> String {
    let text = try argument(index)
    // An address, if the text itself could not be read.
    return text.hasPrefix("\"") ? String(decoding: try bytes(quoted: text), as: UTF8.self) : text
  }

  private struct Descriptor {
    var number: Int32
    var path: [UInt8]?
    var isDeleted = false
  }

  /// `3`, `3</path>`, `3</path>(deleted)`, and with more in brackets after the path.
  private func descriptor(_ index: Int) throws(StraceError) -> Descriptor {
    let text = try argument(index)
    let digits = text.prefix { $0 != "<" }
    guard let number = Int32(digits) else { throw error(text, .number) }
    let inner = text.dropFirst(digits.count)
    guard inner.hasPrefix("<") else { return Descriptor(number: number) }
    let path = inner.dropFirst().prefix { $0 != "<" && $0 != ">" }
    return Descriptor(
      number: number, path: Self.unescaped(path.utf8), isDeleted: text.hasSuffix("(deleted)"))
  }

  private func bytes(quoted text: String) throws(StraceError) -> [UInt8] {
    guard text.hasPrefix("\""), text.hasSuffix("\""), text.utf8.count >= 2 else {
      throw error(text, .string)
    }
    return Self.unescaped(text.utf8.dropFirst().dropLast())
  }

  /// The bytes that C's escapes stand for.
  private static func unescaped(_ text: some Sequence<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var bytes = Array(text)[...]
    let simple: [UInt8: UInt8] = [
      UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "v"): 11,
      UInt8(ascii: "f"): 12,
    ]
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "\\"), let next = bytes.popFirst() else {
        result.append(byte)
        continue
      }
      guard (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(next) else {
        result.append(simple[next] ?? next)
        continue
      }
      // Up to three octal digits.
      var value = next - UInt8(ascii: "0")
      for _ in 0..<2 {
        guard let digit = bytes.first, (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(digit)
        else { break }
        value = value &* 8 &+ (digit - UInt8(ascii: "0"))
        bytes.removeFirst()
      }
      result.append(value)
    }
    return result
  }
}
