// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Formats VMAs as lines of text in raw memory.
///
/// Everything here runs inside read sections: it allocates nothing, calls nothing outside, and
/// checks no bounds, which the caller has ensured with ``maximumByteCount(_:)``.
enum LineFormatter {
  /// The number of bytes that formatting one line may touch: the header, the tail, and what copying
  /// in whole steps writes beyond it.
  @inline(__always)
  static func maximumByteCount(_ object: MapObject) -> Int {
    unsafe 192 &+ object.header.pointee.tailCount
  }

  /// Writes one line at `out` and returns its length.
  ///
  /// - Parameter object: provides the device, the inode and the name at the end of the line.
  /// - Safety: `out` has room for `maximumByteCount` bytes.
  /// - Complexity: O(length), without a branch on the digits of an address.
  @inline(__always)
  static func line(
    _ record: Record, _ object: MapObject, at out: UnsafeMutableRawPointer
  ) -> Int {
    let offset = object.isFile ? record.pageOffset &<< 12 : 0
    guard record.start >= 1 << 44 && (record.end &>> 48) | (offset &>> 32) == 0 else {
      return unsafe unusualLine(record, offset, object, at: out)
    }
    unsafe usualPrefix(record, offset, at: out)
    let tailCount = unsafe object.header.pointee.tailCount
    unsafe copy(object.tail, count: tailCount, to: out + MapsText.usualPrefixCount)
    return MapsText.usualPrefixCount &+ tailCount
  }

  /// `7f0000000000-7f0000001000 r--p 00000000 `: with addresses of 12 digits and an offset of 8,
  /// everything is at fixed columns.
  ///
  /// The last three digits of an address are zeros. Eight digits of each address are computed
  /// together, and its first digit separately.
  @inline(__always)
  private static func usualPrefix(
    _ record: Record, _ offset: UInt64, at out: UnsafeMutableRawPointer
  ) {
    let pages = pageDigits(record.start, record.end)
    unsafe out.storeBytes(of: digit(record.start &>> 44), as: UInt8.self)
    unsafe out.storeBytes(of: pages[0], toByteOffset: 1, as: UInt64.self)
    // "000-"
    unsafe out.storeBytes(of: 0x2d30_3030, toByteOffset: 9, as: UInt32.self)
    unsafe out.storeBytes(of: digit(record.end &>> 44), toByteOffset: 13, as: UInt8.self)
    unsafe out.storeBytes(of: pages[1], toByteOffset: 14, as: UInt64.self)
    // "000", and one byte that the next store replaces.
    unsafe out.storeBytes(of: 0x0030_3030, toByteOffset: 22, as: UInt32.self)
    unsafe out.storeBytes(of: permissions(record.flags), toByteOffset: 25, as: UInt64.self)
    let bytes = UInt64(UInt32(truncatingIfNeeded: offset).bigEndian)
    unsafe out.storeBytes(of: digits(bytes), toByteOffset: 31, as: SIMD16<UInt8>.self)
    unsafe out.storeBytes(of: UInt8(ascii: " "), toByteOffset: 39, as: UInt8.self)
  }

  /// The hexadecimal digit of a number below 16.
  @inline(__always)
  fileprivate static func digit(_ value: UInt64) -> UInt8 {
    UInt8(truncatingIfNeeded: value &+ 0x30 &+ ((value &+ 6) &>> 4) &* 0x27)
  }

  /// Writes a line whose columns may differ from the usual ones.
  @inline(never)
  private static func unusualLine(
    _ record: Record, _ offset: UInt64, _ object: MapObject, at out: UnsafeMutableRawPointer
  ) -> Int {
    var count = unsafe hex(record.start, at: out)
    unsafe out.storeBytes(of: UInt8(ascii: "-"), toByteOffset: count, as: UInt8.self)
    count &+= 1
    count &+= unsafe hex(record.end, at: out + count)
    // " rwxp " in one store of eight bytes, six of which count.
    unsafe (out + count).storeBytes(of: permissions(record.flags), as: UInt64.self)
    count &+= 6
    count &+= unsafe hex(offset, at: out + count)
    unsafe out.storeBytes(of: UInt8(ascii: " "), toByteOffset: count, as: UInt8.self)
    count &+= 1
    return unsafe unusualTail(object, prefixCount: count, at: out)
  }

  /// Writes the end of a line whose columns differ from the usual ones.
  private static func unusualTail(
    _ object: MapObject, prefixCount: Int, at out: UnsafeMutableRawPointer
  ) -> Int {
    var count = prefixCount
    func append(_ byte: UInt8) {
      unsafe out.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
      count += 1
    }
    func append(_ bytes: UnsafeRawBufferPointer) {
      for index in bytes.indices { unsafe append(bytes[index]) }
    }
    let deviceInodeCount = unsafe object.header.pointee.deviceInodeCount
    unsafe append(UnsafeRawBufferPointer(start: object.tail, count: deviceInodeCount))
    let shown = unsafe object.displayNameBytes
    if unsafe !shown.isEmpty {
      for _ in 0..<MapsText.paddingCount(headerCount: count) { append(UInt8(ascii: " ")) }
      unsafe append(shown)
    }
    append(UInt8(ascii: "\n"))
    return count
  }

  /// " rwxp ", and two bytes that the next store overwrites, lowest byte first.
  @inline(__always)
  static func permissions(_ flags: VMAFlags) -> UInt64 {
    // " ---p "
    0x0000_2070_2d2d_2d20 &+ permissionDifferences(flags.queryBits) &<< 8
  }

  /// What must be added to "---p" to get the permissions, lowest byte first.
  ///
  /// - Parameter bits: readable, writable, executable, shared.
  @inline(__always)
  fileprivate static func permissionDifferences(_ bits: UInt64) -> UInt64 {
    // One byte each, all ones or all zeros.
    let ones = bits &* 0x0020_4081 & 0x0101_0101
    let mask = (ones &<< 8) &- ones
    // The difference between a letter and '-', or between 's' and 'p'.
    return mask & ((0x73 - 0x70) << 24 | (0x78 - 0x2d) << 16 | (0x77 - 0x2d) << 8 | (0x72 - 0x2d))
  }

  @inline(__always)
  private static func digitCount(_ value: UInt64) -> Int {
    let significant = (67 &- value.leadingZeroBitCount) &>> 2
    return significant > 8 ? significant : 8
  }

  /// Writes `value` with at least eight lower-case hexadecimal digits, and returns their number.
  ///
  /// - Safety: room for 16 bytes.
  @inline(__always)
  static func hex(_ value: UInt64, at out: UnsafeMutableRawPointer) -> Int {
    let count = digitCount(value)
    // Left-aligned: the first digit to show is the highest nibble, and comes first in memory.
    let bytes = (value &<< UInt64((16 &- count) &* 4)).bigEndian
    unsafe out.storeBytes(of: digits(bytes), as: SIMD16<UInt8>.self)
    return count
  }

  /// The sixteen hexadecimal digits of eight bytes, those of the lowest byte first.
  ///
  /// Computed all at once: high and low nibbles are separated, and then interleaved.
  @inline(__always)
  static func digits(_ bytes: UInt64) -> SIMD16<UInt8> {
    let low = bytes & 0x0f0f_0f0f_0f0f_0f0f
    let high = bytes &>> 4 & 0x0f0f_0f0f_0f0f_0f0f
    var nibbles = SIMD16<UInt8>()
    nibbles.evenHalf = unsafe unsafeBitCast(high, to: SIMD8<UInt8>.self)
    nibbles.oddHalf = unsafe unsafeBitCast(low, to: SIMD8<UInt8>.self)
    // 1 for each nibble above 9, then all ones: there, the distance from '9' + 1 to 'a' is added.
    let letters = (nibbles &+ SIMD16(repeating: 6)) &>> SIMD16(repeating: 4)
    let mask = SIMD16<UInt8>() &- letters
    return nibbles &+ SIMD16(repeating: UInt8(ascii: "0")) &+ mask & SIMD16(repeating: 0x27)
  }

  /// The digits of the page numbers of two addresses, eight digits each: bits 12 to 43.
  @inline(__always)
  fileprivate static func pageDigits(_ start: UInt64, _ end: UInt64) -> SIMD2<UInt64> {
    let start = UInt32(truncatingIfNeeded: start &>> 12).bigEndian
    let end = UInt32(truncatingIfNeeded: end &>> 12).bigEndian
    return unsafe unsafeBitCast(
      digits(UInt64(start) | UInt64(end) &<< 32), to: SIMD2<UInt64>.self)
  }

  /// Copies `count` bytes in steps of 32, reading and writing up to 31 beyond.
  ///
  /// - Safety: both sides have that slack.
  @inline(__always)
  static func copy(_ source: UnsafeRawPointer, count: Int, to target: UnsafeMutableRawPointer) {
    var offset = 0
    repeat {
      for step in 0..<4 {
        let at = offset &+ step &* 8
        let word = unsafe source.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        unsafe target.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
      }
      offset &+= 32
    } while offset < count
  }
}

/// Lines for the anonymous memory of one leaf, if they differ only a little: all columns are the
/// usual ones, all addresses begin with the same digit, and neither the heap nor the stack is among
/// them.
///
///     7f0000000000-7f0000001000 rw-p 00000000 00:00 0␠
struct PlainLines {
  /// The length of a line in bytes.
  static var byteCount: Int { 49 }

  // "000-" and the digit, lowest byte first.
  private let middle: UInt64

  /// - Parameters:
  ///   - start: the start of the leaf's first VMA.
  ///   - end: the end of its last VMA.
  ///   - version: knows where the heap and the stack are.
  /// - Returns: `nil` if the lines may differ in more than that.
  @inline(__always)
  init?(_ start: UInt64, _ end: UInt64, _ version: Version) {
    let first = start &>> 44
    guard first == end &>> 44, first &- 1 < 15, !version.meetsHeap(start, end),
      !version.meetsStack(start, end)
    else {
      return nil
    }
    middle = 0x2d30_3030 | UInt64(LineFormatter.digit(first)) &<< 32
  }

  /// Writes the line of `start..<end` at `out`.
  ///
  /// - Parameter access: the VMA's ``Leaf/plainAccess(_:)``.
  /// - Safety: `out` has room for ``byteCount`` bytes.
  @inline(__always)
  func write(
    _ start: UInt64, _ end: UInt64, _ access: UInt64, at out: UnsafeMutableRawPointer
  ) {
    let pages = LineFormatter.pageDigits(start, end)
    unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: middle &>> 32), as: UInt8.self)
    unsafe out.storeBytes(of: pages[0], toByteOffset: 1, as: UInt64.self)
    unsafe out.storeBytes(of: middle, toByteOffset: 9, as: UInt64.self)
    unsafe out.storeBytes(of: pages[1], toByteOffset: 14, as: UInt64.self)
    // "000 rwxp"
    let permissions = 0x702d_2d2d_2030_3030 &+ LineFormatter.permissionDifferences(access) &<< 32
    unsafe out.storeBytes(of: permissions, toByteOffset: 22, as: UInt64.self)
    // " 00000000 00:00 0 \n"
    unsafe out.storeBytes(of: 0x3030_3030_3030_3020, toByteOffset: 30, as: UInt64.self)
    unsafe out.storeBytes(of: 0x2030_303a_3030_2030, toByteOffset: 38, as: UInt64.self)
    unsafe out.storeBytes(of: 0x0a20_3020, toByteOffset: 45, as: UInt32.self)
  }
}
