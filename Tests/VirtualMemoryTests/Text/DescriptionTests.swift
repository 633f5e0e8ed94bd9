// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

/// How values print.
@Suite struct DescriptionTests {
  /// A VMA prints as its line, whatever is in it.
  @Test func vmasAreLinesOfTheText() throws {
    let space = AddressSpace()
    let file = MappedFile(
      path: "/lib/a\nb.so", device: DeviceNumber(major: 8, minor: 0x101), inode: 4242)
    try space.systemCalls.mmap(
      at: 0x1000_0000, length: 0x3000, protection: [.read, .execute], flags: [.private, .fixed],
      backing: .file(file, offset: 0x1_2345_6000))
    try space.systemCalls.mmap(
      at: 0x7f00_0000_0000, length: 0x1000, protection: [.read, .write], flags: [.private, .fixed])
    try space.systemCalls.mmap(
      at: 0x7f00_0001_0000, length: 0x1000, protection: [], flags: [.shared, .fixed, .anonymous])
    try space.systemCalls.setName(0x7f00_0000_0000, length: 0x1000, Array("heap of mine".utf8))
    let snapshot = space.snapshot()
    let lines = snapshot.map { "\($0)\n" }.joined()
    #expect(lines == space.mapsText().string)
    #expect(lines.contains("[anon:heap of mine]") && lines.contains("a\\012b.so"))
  }

  @Test func changesAreLinesWithASign() throws {
    let space = AddressSpace()
    try space.systemCalls.mmap(
      at: 0x10_0000, length: 0x1000, protection: .read, flags: [.private, .fixed])
    let before = space.snapshot()
    try space.systemCalls.mmap(
      at: 0x20_0000, length: 0x1000, protection: .write, flags: [.private, .fixed])
    try space.systemCalls.mprotect(0x10_0000, length: 0x1000, [.read, .write])
    let changes = AddressSpace.difference(from: before, to: space.snapshot())
    #expect(
      changes.map(\.description) == [
        """
        - 00100000-00101000 r--p 00000000 00:00 0\u{20}
        + 00100000-00101000 rw-p 00000000 00:00 0\u{20}
        """,
        "+ 00200000-00201000 -w-p 00000000 00:00 0 ",
      ])
  }

  @Test func answersSayWhatTheyFound() throws {
    let space = AddressSpace()
    let file = MappedFile(
      path: "/bin/x", device: DeviceNumber(major: 1, minor: 2), inode: 3, buildID: [0xab, 1])
    try space.systemCalls.mmap(
      at: 0x10_0000, length: 0x1000, protection: .read, flags: [.shared, .fixed],
      backing: .file(file))
    let answer = try space.namedQuery(0x10_0000)
    let line = "00100000-00101000 r--s 00000000 01:02 3 generation \(space.generation)"
    #expect("\(answer.result)" == line)
    #expect("\(answer)" == line + " “/bin/x” build id ab01")
  }

  @Test func flagsAreWords() {
    #expect("\(Protection([.read, .execute]))" == "[.read, .execute]")
    #expect("\(Protection())" == "[]")
    #expect("\(Protection(rawValue: 0x11))" == "[.read, 0x10]")
    #expect("\(MmapFlags([.private, .fixedNoReplace]))" == "[.private, .fixedNoReplace]")
    #expect("\(MmapFlags.sharedValidate)" == "[.sharedValidate]")
    #expect("\(RemapFlags([.mayMove, .dontUnmap]))" == "[.mayMove, .dontUnmap]")
    #expect("\(QueryFlags([.coveringOrNext, .shared]))" == "[.shared, .coveringOrNext]")
    #expect("\(Advice.wipeOnFork) \(Advice(rawValue: 77))" == ".wipeOnFork Advice(77)")
    #expect("\(DeviceNumber(major: 8, minor: 17))" == "08:11")
  }
}
