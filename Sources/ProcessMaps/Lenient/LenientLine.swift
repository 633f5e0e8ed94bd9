// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// One line of a text in any of the dialects, and how it is read.
struct LenientLine {
  /// Something that isn't as a kernel prints it.
  struct Fault {
    /// Counted from 1.
    var column: Int
    var reason: String
  }

  enum Reading {
    case mapping(ProcMapsLine)
    /// A line that belongs to a dialect, but isn't a mapping.
    case other
    case empty
    case unreadable(Fault)
  }

  private let text: [UInt8]
  private let start: Int
  private let end: Int
  private let number: Int
  private var index: Int
  /// What is wrong with a mapping that was read all the same.
  var faults: [Fault] = []

  init(_ text: [UInt8], _ range: Range<Int>, number: Int) {
    self.text = text
    start = range.lowerBound
    var end = range.upperBound
    // Carriage returns, and blanks behind everything.
    while end > start, Self.isBlank(text[end - 1]) { end -= 1 }
    self.end = end
    self.number = number
    index = start
  }

  mutating func read() -> Reading {
    skipBlanks()
    guard index < end else { return .empty }
    if let reading = readSmaps() ?? readPerf() { return reading }
    let first = index
    guard let address = address(minimumDigits: 4) else { return readHeading() }
    if take("-") { return readKernel(address, from: first) }
    if isAtBlank { return readColumns(address, from: first) }
    let after = fault("neither “-” nor a blank after the first address")
    index = first
    if case .other = readHeading() { return .other }
    return .unreadable(after)
  }

  // MARK: - Dialects

  /// `00400000-00401000 r-xp 00000000 08:01 42 /bin/x`, with fewer fields or none; or Android's
  /// crash reports, `00000000'00400000-00000000'00400fff r-x 0 1000 /bin/x`, whose second address
  /// is the last one and which have the length instead of device and inode.
  private mutating func readKernel(_ low: UInt64, from first: Int) -> Reading {
    let endIndex = index
    guard var high = address(minimumDigits: 1) else {
      return .unreadable(fault("no second address"))
    }
    skipBlanks()
    guard let permissions = permissions() else {
      return .unreadable(fault("no permissions such as “r-xp”"))
    }
    let isLastAddress = permissions.count == 3 && high & 0xfff == 0xfff
    if isLastAddress { high &+= 1 }
    var line = mapping(low, high, permissions.protection, isShared: permissions.isShared)
    if let fault = fault(of: line, first, endIndex) { return .unreadable(fault) }
    skipBlanks()
    guard index < end, isLastAddress || isAtNumber else {
      return named(line, lacking: "offset, device and inode")
    }
    if let offset = numberField() { line.offset = offset }
    skipBlanks()
    if isLastAddress {
      _ = numberField()
    } else if let device = device() {
      line.device = device
      skipBlanks()
      guard let inode = decimalField() else { return named(line, lacking: "inode") }
      line.inode = inode
    } else {
      return named(line, lacking: "device and inode")
    }
    return named(line, lacking: nil)
  }

  /// gdb: `0x400000 0x401000 0x1000 0x0 r-xp /bin/x`, older ones without permissions. pmap:
  /// `0000000000400000 4K r-x-- x`, with -x `… 4 4 0 r-x-- x`, with -d
  /// `… 4 r-x-- 0000000000000000 008:00001 x`.
  private mutating func readColumns(_ low: UInt64, from first: Int) -> Reading {
    let isGDB = text[first...].starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")])
    var fields: [UInt64] = []
    while true {
      skipBlanks()
      let before = index
      guard let field = isGDB ? numberField() : sizeField() else {
        index = before
        break
      }
      fields.append(field)
    }
    let permissions = permissions()
    if isGDB {
      guard fields.count >= 3 else { return .unreadable(fault("fewer than four addresses")) }
      var line = mapping(
        low, fields[0], permissions?.protection ?? [], isShared: permissions?.isShared ?? false)
      line.offset = fields[2]
      if let fault = fault(of: line, first, first) { return .unreadable(fault) }
      return named(line, lacking: permissions == nil ? "permissions" : nil)
    }
    guard let kilobytes = fields.first, let permissions else {
      return .unreadable(fault("neither the size and mode of pmap, nor the fields of gdb"))
    }
    let (bytes, isTooLarge) = kilobytes.multipliedReportingOverflow(by: 1024)
    let (high, wraps) = low.addingReportingOverflow(bytes)
    guard !isTooLarge && !wraps else { return .unreadable(fault("a size beyond 64 bits")) }
    var line = mapping(low, high, permissions.protection, isShared: permissions.isShared)
    if let fault = fault(of: line, first, first) { return .unreadable(fault) }
    let beforeOffset = index
    skipBlanks()
    let offsetIndex = index
    if let offset = numberField(), index - offsetIndex >= 8 {
      line.offset = offset
      skipBlanks()
      if let device = device() { line.device = device }
    } else {
      index = beforeOffset
    }
    return named(line, lacking: nil)
  }

  /// `x 1 [000] 2.3: PERF_RECORD_MMAP2 1/1: [0x400000(0x1000) @ 0 08:01 42 7]: r-xp /bin/x`.
  private mutating func readPerf() -> Reading? {
    guard skip(past: "PERF_RECORD_MMAP") else { return nil }
    guard skip(past: "[") else { return .unreadable(fault("no “[” before the addresses")) }
    let first = index
    guard let low = address(minimumDigits: 1), take("("), let length = address(minimumDigits: 1),
      take(")")
    else { return .unreadable(fault("no address and length such as “[0x400000(0x1000)”")) }
    let (high, wraps) = low.addingReportingOverflow(length)
    guard !wraps else { return .unreadable(fault("a length beyond the last address")) }
    skipBlanks()
    guard take("@") else { return .unreadable(fault("no offset after “@”")) }
    skipBlanks()
    var line = mapping(low, high, [], isShared: false)
    line.offset = numberField() ?? 0
    skipBlanks()
    if let device = device() {
      line.device = device
      skipBlanks()
      line.inode = decimalField() ?? 0
    }
    guard skip(past: "]:") else { return .unreadable(fault("no “]:” after the addresses")) }
    skipBlanks()
    if let permissions = permissions() {
      line.protection = permissions.protection
      line.isShared = permissions.isShared
    } else if take("x") {
      line.protection = .execute
    }
    if let fault = fault(of: line, first, first) { return .unreadable(fault) }
    return named(line, lacking: nil)
  }

  /// `Rss:                  12 kB`, `VmFlags: rd wr mr`.
  private func readSmaps() -> Reading? {
    var index = index
    let first = index
    while index < end, Self.isWord(text[index]) { index += 1 }
    guard index > first, index < end, text[index] == UInt8(ascii: ":"),
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(text[first]), index + 1 < end,
      Self.isBlank(text[index + 1])
    else { return nil }
    let words = text[(index + 1)..<end].split(whereSeparator: Self.isBlank)
    let isSize = words.count == 2 && words[1].elementsEqual("kB".utf8)
    let isNumber =
      words.count == 1 && words[0].allSatisfy { Self.digit($0).map { $0 < 10 } == true }
    let isFlags = text[first..<index].elementsEqual("VmFlags".utf8)
    return isSize || isNumber || isFlags ? .other : nil
  }

  /// The words that headings and totals of the dialects begin with.
  private static let headings: [[UInt8]] = [
    "process ", "Mapped address spaces", "Start Addr", "Address ", "total ", "mapped: ", "----",
    "memory map", "Memory map",
  ].map { Array($0.utf8) }

  private func readHeading() -> Reading {
    if Self.headings.contains(where: { text[index..<end].starts(with: $0) }) { return .other }
    // pmap's first line, `1234:   /bin/x`.
    var position = index
    while position < end, Self.digit(text[position]).map({ $0 < 10 }) == true { position += 1 }
    if position > index, position < end, text[position] == UInt8(ascii: ":") { return .other }
    return .unreadable(fault("no address in hexadecimal"))
  }

  // MARK: - Mappings

  private func mapping(
    _ low: UInt64, _ high: UInt64, _ protection: Protection, isShared: Bool
  ) -> ProcMapsLine {
    ProcMapsLine(
      number: number, start: low, end: high, protection: protection, isShared: isShared, offset: 0,
      device: DeviceNumber(major: 0, minor: 0), inode: 0, nameRange: end..<end)
  }

  private func fault(of line: ProcMapsLine, _ first: Int, _ endIndex: Int) -> Fault? {
    if line.end == line.start { return fault("a mapping of no bytes", at: first) }
    if line.end < line.start { return fault("the end is below the start", at: endIndex) }
    return nil
  }

  /// What is left of the line is the name.
  private mutating func named(_ line: ProcMapsLine, lacking: String?) -> Reading {
    var line = line
    if let lacking { faults.append(fault("no \(lacking); taken as none")) }
    if index < end, !isAtBlank, lacking == nil {
      return .unreadable(fault("no blank before the name"))
    }
    skipBlanks()
    line.nameRange = index..<end
    if let nul = text[index..<end].firstIndex(of: 0) {
      faults.append(fault("a NUL byte in the name", at: nul))
    }
    return .mapping(line)
  }

  // MARK: - Fields

  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0d
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func digit(_ byte: UInt8) -> UInt64? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
  }

  private var isAtBlank: Bool { index < end && Self.isBlank(text[index]) }
  private var isAtNumber: Bool { index < end && Self.digit(text[index]) != nil }

  private mutating func skipBlanks() {
    while isAtBlank { index += 1 }
  }

  private mutating func take(_ wanted: Unicode.Scalar) -> Bool {
    guard index < end, text[index] == UInt8(ascii: wanted) else { return false }
    index += 1
    return true
  }

  /// Moves behind the first occurrence of `wanted`, if there is one.
  private mutating func skip(past wanted: StaticString) -> Bool {
    let bytes = unsafe Array(
      UnsafeBufferPointer(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount))
    var position = index
    while position + bytes.count <= end {
      if text[position..<position + bytes.count] == bytes[...] {
        index = position + bytes.count
        return true
      }
      position += 1
    }
    return false
  }

  /// A hexadecimal number of up to 64 bits, perhaps with `0x` in front, or with an apostrophe in
  /// the middle. Doesn't move if there is none.
  private mutating func address(minimumDigits: Int) -> UInt64? {
    let first = index
    if index + 1 < end, text[index] == UInt8(ascii: "0"),
      text[index + 1] == UInt8(ascii: "x") || text[index + 1] == UInt8(ascii: "X")
    {
      index += 2
    }
    var (value, count): (UInt64, Int) = (0, 0)
    while index < end {
      if text[index] == UInt8(ascii: "'") || text[index] == UInt8(ascii: "`"), count > 0 {
        index += 1
        continue
      }
      guard let digit = Self.digit(text[index]), value >> 60 == 0 else { break }
      value = value << 4 | digit
      count += 1
      index += 1
    }
    guard count >= minimumDigits, !isAtNumber else {
      index = first
      return nil
    }
    return value
  }

  /// A hexadecimal number between blanks.
  private mutating func numberField() -> UInt64? {
    let first = index
    if let value = address(minimumDigits: 1), index == end || isAtBlank { return value }
    index = first
    return nil
  }

  /// A decimal number of kilobytes, perhaps with `K`, between blanks.
  private mutating func sizeField() -> UInt64? {
    let first = index
    if let value = decimal() {
      _ = take("K")
      if index == end || isAtBlank { return value }
    }
    index = first
    return nil
  }

  private mutating func decimalField() -> UInt64? {
    let first = index
    if let value = decimal(), index == end || isAtBlank || text[index] == UInt8(ascii: "]") {
      return value
    }
    index = first
    return nil
  }

  private mutating func decimal() -> UInt64? {
    let first = index
    var value: UInt64 = 0
    while index < end, let digit = Self.digit(text[index]), digit < 10 {
      let (product, wraps) = value.multipliedReportingOverflow(by: 10)
      let (sum, carries) = product.addingReportingOverflow(digit)
      guard !wraps && !carries else { return nil }
      value = sum
      index += 1
    }
    return index > first ? value : nil
  }

  /// `08:01`, `008:00001`.
  private mutating func device() -> DeviceNumber? {
    let first = index
    if let major = address(minimumDigits: 1), take(":"), let minor = address(minimumDigits: 1),
      index == end || isAtBlank, let major = UInt32(exactly: major),
      let minor = UInt32(exactly: minor)
    {
      return DeviceNumber(major: major, minor: minor)
    }
    index = first
    return nil
  }

  /// Three to five letters or dashes, in the order `rwx`, then `p` or `s`; pmap has `s` or `-`,
  /// then `R` or `-`.
  private mutating func permissions() -> (protection: Protection, isShared: Bool, count: Int)? {
    let first = index
    var protection: Protection = []
    for (letter, access) in [("r", .read), ("w", .write), ("x", .execute)]
      as [(Unicode.Scalar, Protection)]
    {
      if take(letter) {
        protection.insert(access)
      } else if !take("-") {
        index = first
        return nil
      }
    }
    let isShared = take("s") || take("S")
    if !isShared { _ = take("p") || take("-") }
    _ = take("R") || take("-")
    guard index == end || isAtBlank else {
      index = first
      return nil
    }
    return (protection, isShared, index - first)
  }

  private func fault(_ reason: String, at position: Int? = nil) -> Fault {
    Fault(column: (position ?? index) - start + 1, reason: reason)
  }
}
