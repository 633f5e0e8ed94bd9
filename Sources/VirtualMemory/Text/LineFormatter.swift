// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Formats VMAs as lines of text into raw memory.
///
/// Everything here runs inside read sections: no allocation, no call out, no bounds but the ones
/// the caller has made sure of with ``byteCountMax(_:)``.
enum LineFormatter {
  /// Bytes that formatting one line may touch: the header, the tail, and what whole-step copies
  /// write beyond it.
  @inline(__always)
  static func byteCountMax(_ object: MapObject) -> Int {
    unsafe 192 + object.header.pointee.tailCount
  }

  /// Writes one line at `out` and returns its length.
  ///
  /// - Parameter object: its device, inode and name end the line.
  /// - Safety: `out` has room for `byteCountMax` bytes.
  /// - Complexity: O(length), without a branch on the digits of an address.
  @inline(__always)
  static func line(
    _ record: Record, _ object: MapObject, at out: UnsafeMutableRawPointer
  ) -> Int {
    var count = unsafe hex(record.start, at: out)
    unsafe out.storeBytes(of: UInt8(ascii: "-"), toByteOffset: count, as: UInt8.self)
    count += 1
    count += unsafe hex(record.end, at: out + count)
    // " rwxp " in one store of eight bytes, of which six count.
    unsafe (out + count).storeBytes(of: permissions(record.flags), as: UInt64.self)
    count += 6
    let offset = object.isFile ? record.pageOffset &<< 12 : 0
    count += unsafe hex(offset, at: out + count)
    unsafe out.storeBytes(of: UInt8(ascii: " "), toByteOffset: count, as: UInt8.self)
    count += 1
    if count == MapsText.usualPrefixCount {
      let tailCount = unsafe object.header.pointee.tailCount
      unsafe copy(object.tail, count: tailCount, to: out + count)
      return count + tailCount
    }
    return unsafe unusualTail(object, prefixCount: count, at: out)
  }

  /// The end of a line whose columns are not the usual ones.
  @inline(never)
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

  /// " rwxp " and two bytes that the next store replaces, lowest byte first.
  @inline(__always)
  static func permissions(_ flags: VMAFlags) -> UInt64 {
    let bits = flags.rawValue
    // Each difference below is between a letter and '-', or between 's' and 'p'.
    let r = (bits & 1) &* (0x72 &- 0x2d)
    let w = (bits &>> 1 & 1) &* (0x77 &- 0x2d)
    let x = (bits &>> 2 & 1) &* (0x78 &- 0x2d)
    let s = (bits &>> 7 & 1) &* (0x73 &- 0x70)
    let dashes: UInt64 = 0x0000_2070_2d2d_2d20
    return dashes &+ r &<< 8 &+ w &<< 16 &+ x &<< 24 &+ s &<< 32
  }

  /// Writes `value` in at least eight lower-case hexadecimal digits and returns how many.
  ///
  /// - Safety: room for 16 bytes.
  @inline(__always)
  static func hex(_ value: UInt64, at out: UnsafeMutableRawPointer) -> Int {
    let significant = (67 &- value.leadingZeroBitCount) &>> 2
    let count = significant > 8 ? significant : 8
    // Left-aligned: the first digit to show is the highest nibble.
    let aligned = value &<< UInt64((16 &- count) &* 4)
    unsafe out.storeBytes(of: digits(aligned &>> 32), as: UInt64.self)
    unsafe out.storeBytes(of: digits(aligned & 0xffff_ffff), toByteOffset: 8, as: UInt64.self)
    return count
  }

  /// Eight hexadecimal digits of a 32-bit number, the highest in the lowest byte.
  @inline(__always)
  static func digits(_ half: UInt64) -> UInt64 {
    // Spread to one nibble per byte; the byte swap puts the highest first.
    var nibbles = half
    nibbles = (nibbles | nibbles &<< 16) & 0x0000_ffff_0000_ffff
    nibbles = (nibbles | nibbles &<< 8) & 0x00ff_00ff_00ff_00ff
    nibbles = (nibbles | nibbles &<< 4) & 0x0f0f_0f0f_0f0f_0f0f
    nibbles = nibbles.byteSwapped
    // 1 in each byte that is above 9, then all its bits: those get the distance from '9' + 1 to 'a'.
    let letters = ((nibbles &+ 0x0606_0606_0606_0606) &>> 4) & 0x0101_0101_0101_0101
    let mask = (letters &<< 8) &- letters
    return nibbles &+ 0x3030_3030_3030_3030 &+ (mask & 0x2727_2727_2727_2727)
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
