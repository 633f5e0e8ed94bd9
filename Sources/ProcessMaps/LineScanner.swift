// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// Reads lines that look as a kernel prints them, and stops without an error at any other line. The
/// grammar of `ProcMapsParser` then decides whether that line is wrong, and why.
///
/// Invariants:
/// - The grammar accepts every line that is accepted here, with the same fields.
/// - The text ends with a newline, so a scan that stops at newlines stays within the text.
@safe
struct LineScanner {
  private let bytes: UnsafePointer<UInt8>
  private let count: Int
  /// The index at which the next line starts.
  private(set) var index: Int

  /// - Safety: `text` must outlive this value, must not be empty, and must end with a newline.
  @unsafe
  init(_ text: UnsafeBufferPointer<UInt8>, from index: Int) {
    unsafe bytes = text.baseAddress.unsafelyUnwrapped
    count = text.count
    self.index = index
  }

  /// Returns the next line, with the number `number`, if it starts at or above `floor`. Returns
  /// `nil`, and doesn't move, if the line isn't as expected, or if there is none.
  @inline(__always)
  mutating func next(number: Int, floor: UInt64) -> ProcMapsLine? {
    guard index < count else { return nil }
    var position = index
    guard let start = hex(&position, minimumDigits: 8), skip("-", &position),
      let end = hex(&position, minimumDigits: 8), skip(" ", &position),
      start >= floor, end > start, (start | end) % AddressSpace.pageSize == 0
    else { return nil }
    // Four bytes and a blank. Each byte is read only after those before it have turned out not to
    // be newlines.
    guard let isReadable = flag("r", "-", &position), let isWritable = flag("w", "-", &position),
      let isExecutable = flag("x", "-", &position), let isShared = flag("s", "p", &position),
      skip(" ", &position), let offset = hex(&position, minimumDigits: 8), skip(" ", &position),
      let major = hex(&position, minimumDigits: 2), skip(":", &position),
      let minor = hex(&position, minimumDigits: 2), skip(" ", &position),
      major | minor <= UInt32.max, let inode = decimal(&position), skip(" ", &position),
      let name = name(&position)
    else { return nil }
    var protection: Protection = isReadable ? .read : []
    if isWritable { protection.insert(.write) }
    if isExecutable { protection.insert(.execute) }
    index = position
    return ProcMapsLine(
      number: number, start: start, end: end, protection: protection, isShared: isShared,
      offset: offset,
      device: DeviceNumber(
        major: UInt32(truncatingIfNeeded: major), minor: UInt32(truncatingIfNeeded: minor)),
      inode: inode, nameRange: name)
  }

  // MARK: Fields

  @inline(__always)
  private func byte(_ position: Int) -> UInt8 { unsafe bytes[position] }

  @inline(__always)
  private func skip(_ wanted: Unicode.Scalar, _ position: inout Int) -> Bool {
    guard byte(position) == UInt8(truncatingIfNeeded: wanted.value) else { return false }
    position &+= 1
    return true
  }

  /// True for `yes`, false for `no`, `nil` for anything else.
  @inline(__always)
  private func flag(
    _ yes: Unicode.Scalar, _ no: Unicode.Scalar, _ position: inout Int
  ) -> Bool? {
    if skip(yes, &position) { return true }
    return skip(no, &position) ? false : nil
  }

  /// A hexadecimal number of up to 16 digits, padded with zeros only to `minimumDigits`.
  @inline(__always)
  private func hex(_ position: inout Int, minimumDigits: Int) -> UInt64? {
    let first = position
    var value: UInt64 = 0
    while true {
      let byte = byte(position)
      let decimal = byte &- UInt8(ascii: "0")
      let letter = byte &- UInt8(ascii: "a")
      let digit: UInt8
      if decimal < 10 {
        digit = decimal
      } else if letter < 6 {
        digit = letter &+ 10
      } else {
        break
      }
      value = value &<< 4 | UInt64(digit)
      position &+= 1
    }
    let count = position &- first
    guard count >= minimumDigits && count <= 16 else { return nil }
    guard count == minimumDigits || byte(first) != UInt8(ascii: "0") else { return nil }
    return value
  }

  /// A decimal number of at most 19 digits, which always fits into 64 bits.
  @inline(__always)
  private func decimal(_ position: inout Int) -> UInt64? {
    let first = position
    var value: UInt64 = 0
    while true {
      let digit = byte(position) &- UInt8(ascii: "0")
      guard digit < 10 else { break }
      value = value &* 10 &+ UInt64(digit)
      position &+= 1
    }
    let count = position &- first
    guard count > 0 && count <= 19 else { return nil }
    guard count == 1 || byte(first) != UInt8(ascii: "0") else { return nil }
    return value
  }

  /// The range of the name, after its padding. Moves `position` to the start of the next line.
  @inline(__always)
  private func name(_ position: inout Int) -> Range<Int>? {
    if skip("\n", &position) { return position &- 1..<position &- 1 }
    let start = max(position &- index, 72) &+ 1 &+ index
    while position < start {
      guard skip(" ", &position) else { return nil }
    }
    // Eight bytes at a time, as long as none of them can be a newline or a NUL.
    while position &+ 8 <= count, !hasByteBelow11(position) { position &+= 8 }
    while byte(position) != UInt8(ascii: "\n") {
      guard byte(position) != 0 else { return nil }
      position &+= 1
    }
    guard position > start else { return nil }
    position &+= 1
    return start..<position &- 1
  }

  /// Whether any of the eight bytes from `position` is less than 11, as newline and NUL are. May
  /// also be true if one is above 127.
  @inline(__always)
  private func hasByteBelow11(_ position: Int) -> Bool {
    let word = unsafe UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self)
    let ones: UInt64 = 0x0101_0101_0101_0101
    // Subtracting 11 sets the top bit of a byte that was less than 11, or above 138.
    return ((word &- ones &* 11) | word) & (ones &<< 7) != 0
  }
}
