// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

@testable import VirtualMemory

@Suite struct HexTests {
  private static func formatted(_ value: UInt64) -> String {
    unsafe withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { memory in
      unsafe memory.initializeMemory(as: UInt8.self, repeating: 0x21)
      let count = unsafe LineFormatter.hex(value, at: memory.baseAddress!)
      #expect(unsafe memory[16...].allSatisfy { $0 == 0x21 }, "it writes 16 bytes at most")
      return unsafe String(decoding: memory[..<count], as: UTF8.self)
    }
  }

  private static func expected(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
  }

  @Test func boundaryValues() {
    var values: [UInt64] = [0, .max, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]
    for bit in 0..<64 as Range<UInt64> {
      let power: UInt64 = 1 << bit
      values += [power, power - 1, power + 1, ~power]
    }
    for value in values { #expect(Self.formatted(value) == Self.expected(value)) }
  }

  @Test func permissions() {
    for bits in 0..<16 as Range<UInt64> {
      // Flags that don't show are set, or none of them.
      for others in [0, ~0x87] as [UInt64] {
        let word = LineFormatter.permissions(
          VMAFlags(rawValue: bits & 7 | (bits >> 3) << 7 | others))
        let text = (0..<6).map { Character(Unicode.Scalar(UInt8(word >> ($0 * 8) & 0xff))) }
        let expected = [
          bits & 1 == 0 ? "-" : "r", bits & 2 == 0 ? "-" : "w", bits & 4 == 0 ? "-" : "x",
          bits & 8 == 0 ? "p" : "s",
        ]
        #expect(String(text) == " " + expected.joined() + " ")
      }
    }
  }

  @Test func everyDigitInEveryPlace() {
    for place in 0..<16 as Range<UInt64> {
      for digit in 0..<16 as Range<UInt64> {
        let value = digit << (4 * place)
        #expect(Self.formatted(value) == Self.expected(value))
      }
    }
  }

  @Test func randomValues() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      let value = random.next() >> random.below(64)
      let text = Self.formatted(value)
      if text != Self.expected(value) {
        Issue.record("\(Self.expected(value)) is shown as \(text)")
        return
      }
    }
  }

  @Test func fixedDigits() {
    #expect(MapsText.hex(0, minimumDigits: 2) == Array("00".utf8))
    #expect(MapsText.hex(0xabc, minimumDigits: 2) == Array("abc".utf8))
    #expect(
      MapsText.deviceInode(device: DeviceNumber(major: 0xfd, minor: 1), inode: 5)
        == Array("fd:01 5 ".utf8))
  }
}
