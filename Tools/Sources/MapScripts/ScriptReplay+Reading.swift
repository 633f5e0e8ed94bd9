// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage
internal import VirtualMemory

extension ScriptReplay {
  /// How shared anonymous memory is called. Its inodes differ from process to process: the format
  /// shows 0.
  static var sharedMemoryName: String { "/dev/zero (deleted)" }

  /// A blank and the answer: `START-END perms offset major:minor inode[ name]`.
  func query(_ address: UInt64, _ flags: UInt64) throws(Errno) -> String {
    let answer = try space.namedQuery(address, matching: QueryFlags(rawValue: flags))
    let found = answer.result
    guard window.intersects(found.start, found.end) else { throw .noSuchFileOrDirectory }
    let name = String(decoding: answer.name, as: UTF8.self)
    let letters: [(QueryFlags, String)] = [(.readable, "r"), (.writable, "w"), (.executable, "x")]
    let access = letters.map { found.flags.contains($0.0) ? $0.1 : "-" }.joined()
    let fields = [
      Self.hex(found.start, 8) + "-" + Self.hex(found.end, 8),
      access + (found.flags.contains(.shared) ? "s" : "p"),
      Self.hex(found.offset, 8),
      Self.hex(UInt64(found.device.major), 2) + ":" + Self.hex(UInt64(found.device.minor), 2),
      String(name == Self.sharedMemoryName ? 0 : found.inode),
    ]
    return " " + fields.joined(separator: " ") + (name.isEmpty ? "" : " " + name)
  }

  private static func hex(_ value: UInt64, _ minimumDigits: Int) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: max(0, minimumDigits - digits.count)) + digits
  }

  /// The lines of the maps' text that intersect the window.
  mutating func appendDump(to output: inout [UInt8]) {
    space.dump(into: &text)
    let bytes = text.bytes
    // Nobody changes the space meanwhile: each line is one of these.
    var vmas = space.snapshot().makeIterator()
    var lineStart = 0
    for index in bytes.indices where bytes[index] == UInt8(ascii: "\n") {
      guard let vma = vmas.next() else { fatalError("ScriptReplay: more lines than VMAs") }
      if vma.start >= window.end { return }
      if vma.end > window.base { Self.append(bytes.extracting(lineStart..<index), to: &output) }
      lineStart = index + 1
    }
  }

  private static func append(_ line: borrowing Span<UInt8>, to output: inout [UInt8]) {
    let lineStart = output.count
    for index in line.indices { output.append(line[index]) }
    if output[lineStart...].hasSuffix(sharedMemoryName.utf8) {
      // Six fields: the fifth is the inode.
      var fields = output[lineStart...].split(
        separator: UInt8(ascii: " "), maxSplits: 5, omittingEmptySubsequences: true)
      fields[4] = [UInt8(ascii: "0")]
      let header = fields[0..<5].joined(separator: [UInt8(ascii: " ")])
      output.replaceSubrange(lineStart..., with: Array(header))
      let padding = max(0, nameColumn - (output.count - lineStart) - 1)
      output += repeatElement(UInt8(ascii: " "), count: padding + 1)
      output += sharedMemoryName.utf8
    }
    output.append(UInt8(ascii: "\n"))
  }

  /// Where names start, counted from 0.
  private static var nameColumn: Int { 73 }
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ suffix: some BidirectionalCollection<UInt8>) -> Bool {
    self.suffix(suffix.count).elementsEqual(suffix)
  }
}
