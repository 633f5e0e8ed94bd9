// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// Reading the text of another process's maps, from memory.
enum Importing {
  static let title = "Parse and import, 7,000 lines"
  private static let lineCount = 7_000

  static func group(_ effort: Effort) throws -> Group {
    let text = SampleText.make(lineCount: lineCount)
    let bytes = Array(text.utf8)
    let plain = "String.split"
    func throughput(
      _ name: String, _ meaning: String, _ body: @escaping () throws -> Int
    ) -> Subject {
      .throughput(
        name, against: name == plain ? nil : plain, meaning: meaning, effort: effort,
        iteration: bytes.count
      ) { count in
        var sum = 0
        for _ in 0..<count { sum &+= try body() }
        return sum
      }
    }
    return Group(
      title: title,
      subjects: [
        throughput(plain, "text to an array of lines, by split and UInt64(_:radix:)") {
          PlainParser.parse(text).count
        },
        throughput("ProcMapsParser", "text to an array of lines, checked") {
          try ProcMapsParser.parse(bytes).count
        },
        throughput("LenientMaps", "the same text, by the lenient reader") {
          LenientMaps(bytes).lines.count
        },
        throughput("AddressSpace(procMaps:)", "text to an address space, and its end") {
          try AddressSpace(procMaps: bytes).count
        },
      ]
    ) { try check(text, bytes) }
  }

  /// Both parsers find the same, and the address space prints it.
  private static func check(_ text: String, _ bytes: [UInt8]) throws {
    let lines = try ProcMapsParser.parse(bytes).map { line in
      PlainLine(
        start: line.start, end: line.end, offset: line.offset, inode: line.inode,
        name: String(decoding: bytes[line.nameRange], as: UTF8.self)[...])
    }
    guard lines == PlainParser.parse(text) else {
      fail("the parsers find different lines", code: 70)
    }
    guard try AddressSpace(procMaps: bytes).mapsText().array == bytes else {
      fail("the address space prints another text than was imported", code: 70)
    }
  }
}

/// A text as a large program's: files of a few mappings each, and anonymous memory between them.
private enum SampleText {
  private static let pathCount = 300

  static func make(lineCount: Int) -> String {
    var random = Random(seed: 8)
    var text = ""
    var address: UInt64 = 0x7f00_0000_0000
    for line in 0..<lineCount {
      address += (random.next() % 64 + 1) * AddressSpace.pageSize
      let end = address + (random.next() % 256 + 1) * AddressSpace.pageSize
      let access = ["r--p", "r-xp", "rw-p", "---p"][Int(random.next() % 4)]
      text += "\(hex(address))-\(hex(end)) \(access) "
      if line % 3 == 0 {
        text += "00000000 00:00 0 \n"
      } else {
        let file = line / 8 % pathCount
        let head = "\(hex(random.next() % 1024 * AddressSpace.pageSize)) 08:01 \(1_000_000 + file) "
        // The name starts after 73 bytes; range and access, with blanks, are 31.
        text += head + String(repeating: " ", count: 73 - 31 - head.utf8.count)
        text += "/usr/lib/x86_64-linux-gnu/libexample-\(file).so.\(file % 7).0\n"
      }
      address = end
    }
    return text
  }

  private static func hex(_ value: UInt64) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(8 - digits.utf8.count, 0)) + digits
  }
}

private struct PlainLine: Equatable {
  var start: UInt64
  var end: UInt64
  var offset: UInt64
  var inode: UInt64
  var name: Substring
}

/// What one writes without a library.
private enum PlainParser {
  static func parse(_ text: String) -> [PlainLine] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", maxSplits: 5)
      let range = fields[0].split(separator: "-")
      guard fields.count >= 5, range.count == 2, let start = UInt64(range[0], radix: 16),
        let end = UInt64(range[1], radix: 16), let offset = UInt64(fields[2], radix: 16),
        let inode = UInt64(fields[4])
      else { return nil }
      let name = fields.count > 5 ? fields[5].drop { $0 == " " } : ""
      return PlainLine(start: start, end: end, offset: offset, inode: inode, name: name)
    }
  }
}
