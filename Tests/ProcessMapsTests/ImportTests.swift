// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Importing the kernel's text and dumping it gives the same bytes.
@Suite struct ImportTests {
  /// The processes that there are.
  static func processIDs() throws -> [Int32] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap(Int32.init)
  }

  static func expectRoundTrip(_ text: [UInt8], _ what: String) throws {
    let space = try AddressSpace(procMaps: text)
    space._checkInvariants()
    for strategy in ReadingStrategy.allCases {
      let dumped = space.mapsText(by: strategy).array
      #expect(dumped == text, "\(what), \(strategy)")
      var reader = MapsReader(space, strategy: strategy)
      var chunks: [UInt8] = []
      while true {
        let chunk = reader.read(count: 1 << 20)
        if chunk.isEmpty { break }
        #expect(chunk.count <= 4095 && chunk.last == UInt8(ascii: "\n"))
        chunks += chunk
      }
      #expect(chunks == text, "\(what), \(strategy), in chunks")
    }
    // Queries agree with the text.
    for line in try ProcMapsParser.parse(text) where line.end <= space.configuration.taskSize {
      let found = try space.namedQuery(line.end - 1)
      #expect(found.result.start == line.start && found.result.end == line.end)
      #expect(found.result.offset == line.offset && found.result.inode == line.inode)
      #expect(found.name == Array(text[line.nameRange]))
    }
  }

  @Test func stoppedChild() throws {
    let child = try StoppedProcess()
    let maps = try KernelMaps(pid: child.processID)
    let text = try #require(try maps.stableText())
    // Of several chunks.
    #expect(text.count > 3 * 4096)
    try Self.expectRoundTrip(text, "the stopped child")
  }

  @Test func everyReadableProcess() throws {
    var checked: [Int32] = []
    var skipped: [String] = []
    for pid in try Self.processIDs() {
      do throws(Errno) {
        let maps = try KernelMaps(pid: pid)
        guard let text = try maps.stableText() else {
          skipped.append("\(pid): changes all the time")
          continue
        }
        if text.isEmpty { continue }  // A kernel thread has no address space.
        checked.append(pid)
        do {
          try Self.expectRoundTrip(text, "process \(pid)")
        } catch {
          Issue.record("process \(pid): \(error)")
        }
      } catch {
        skipped.append("\(pid): \(error)")
      }
    }
    print("imported \(checked.count) processes; skipped \(skipped)")
    #expect(checked.contains(getpid()) || !skipped.isEmpty)
    #expect(!checked.isEmpty)
  }

  @Test func oneFileIsOneObject() throws {
    let text = """
      00400000-00401000 r--p 00000000 08:01 42                                 /bin/x
      00401000-00402000 r-xp 00001000 08:01 42                                 /bin/x

      """
    let space = try AddressSpace(procMaps: Array(text.utf8))
    // Made alike, the pieces merge: they are of one file, and the offsets continue.
    try space.systemCalls.mprotect(0x401000, length: 4096, .read)
    #expect(space.count == 1)
    #expect(
      space.mapsText().string
        == "00400000-00402000 r--p 00000000 08:01 42"
        + String(repeating: " ", count: 33) + "/bin/x\n")
  }

  /// The machine that a text is from may allow more mappings than ours.
  @Test func moreMappingsThanTheLimitCanBeChanged() throws {
    var text = ""
    for index in 0..<70_000 as Range<UInt64> {
      let start = 0x7000_0000_0000 + index * 0x2000
      text +=
        "\(String(start, radix: 16))-\(String(start + 0x1000, radix: 16)) r--p 00000000 00:00 0 \n"
    }
    let space = try AddressSpace(procMaps: text)
    #expect(space.count == 70_000 && space.configuration.maximumMapCount == 140_000)
    let address = try space.map(length: 4096)
    #expect(space.lookup(address.lowerBound)?.start == address.lowerBound)
    #expect(space.count == 70_001)
    var configuration = AddressSpaceConfiguration()
    configuration.maximumMapCount = 80_000
    let limited = try AddressSpace(procMaps: text, configuration: configuration)
    #expect(limited.configuration.maximumMapCount == 80_000)
  }

  /// The kernel prints paths that no program could use.
  @Test func longPathsStayWhole() throws {
    for count in [4095, 4096, 65_535] {
      let head = "00400000-00401000 r--p 00000000 08:01 42"
      let text =
        head + String(repeating: " ", count: 33) + "/" + String(repeating: "d", count: count - 1)
        + "\n"
      let space = try AddressSpace(procMaps: text)
      #expect(space.mapsText().string == text, "\(count)")
      var reader = MapsReader(space)
      var read: [UInt8] = []
      while true {
        let chunk = reader.read(count: 4096)
        if chunk.isEmpty { break }
        read += chunk
      }
      #expect(read == Array(text.utf8), "\(count)")
    }
    let head = "00400000-00401000 r--p 00000000 08:01 42" + String(repeating: " ", count: 33)
    let error = #expect(throws: ProcMapsError.self) {
      try AddressSpace(procMaps: head + "/" + String(repeating: "d", count: 65_535) + "\n")
    }
    #expect(error?.expected == "a name of less than 65536 bytes")
  }
}
