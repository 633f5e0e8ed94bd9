// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

/// The files of mirrors that aren't what they should be.
@Suite struct MirrorFileTests {
  private func withProcess(
    _ text: String, _ body: (_ mirror: ProcessMirror, _ folder: String) throws -> Void
  ) throws {
    try withTemporaryDirectory { root in
      let folder = root + "/42"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data("42 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n".utf8)
        .write(to: URL(fileURLWithPath: folder + "/stat"))
      try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/maps"))
      var configuration = MirrorConfiguration()
      configuration.root = FilePath(root)
      try body(ProcessMirror(pid: 42, configuration: configuration), folder)
    }
  }

  private func rewrite(_ path: String, _ text: String) throws {
    let file = try FileDescriptor.open(FilePath(path), .writeOnly, options: .truncate)
    try file.closeAfter { _ = try file.writeAll(text.utf8) }
  }

  private let line = "00010000-00020000 r--p 00000000 00:00 0 \n"
  private let gate =
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n"

  /// A process that begins a 32-bit program has no `[vsyscall]` any more.
  @Test func theGateComesAndGoes() throws {
    try withProcess(line + gate) { mirror, folder in
      #expect(mirror.space.mapsText().string == line + gate)
      try rewrite(folder + "/maps", line)
      try mirror.refresh()
      #expect(mirror.space.mapsText().string == line)
      try rewrite(folder + "/maps", line + gate)
      try mirror.refresh()
      #expect(mirror.space.mapsText().string == line + gate)
    }
  }

  /// A program that can't be opened now, for want of descriptors say, is one to be opened later.
  @Test func aProgramThatCantBeOpenedYetIsNoEnd() throws {
    try withProcess(line) { mirror, folder in
      try rewrite(folder + "/maps", "")
      try FileManager.default.removeItem(atPath: folder + "/maps")
      try FileManager.default.createSymbolicLink(
        atPath: folder + "/maps", withDestinationPath: "maps")
      #expect(throws: Errno.tooManySymbolicLinkLevels) { try mirror.refresh() }
      #expect(mirror.state == .live)
      try FileManager.default.removeItem(atPath: folder + "/maps")
      try Data((line + gate).utf8).write(to: URL(fileURLWithPath: folder + "/maps"))
      #expect(try mirror.refresh().state == .live)
    }
  }

  @Test func offsetsThatNoKernelPrints() throws {
    try withProcess(line) { mirror, folder in
      try rewrite(folder + "/maps", "00010000-00020000 r--p 00000123 08:01 42 \n")
      #expect(throws: Errno.badMessage) { try mirror.refresh() }
    }
  }

  /// Who sends a file that is none of the kernel's could send any text, or none for ever.
  @Test func onlyTheKernelsFilesAreAdopted() throws {
    try withTemporaryDirectory { folder in
      try Data(line.utf8).write(to: URL(fileURLWithPath: folder + "/maps"))
      let descriptor = try FileDescriptor.open(FilePath(folder + "/maps"), .readOnly)
      #expect(throws: Errno.invalidArgument) { try ProcessMirror(adopting: descriptor) }
    }
  }

  /// A descriptor that was passed shares its offset with the sender's.
  @Test func readingsDontMoveTheSendersOffset() throws {
    let child = MappingChild()
    let descriptor = try FileDescriptor.open(FilePath("/proc/\(child.pid)/maps"), .readOnly)
    let sent = try descriptor.duplicate()
    defer { try? descriptor.close() }
    let mirror = try ProcessMirror(adopting: sent)
    try descriptor.seek(offset: 7, from: .start)
    try mirror.refresh()
    #expect(try descriptor.seek(offset: 0, from: .current) == 7)
  }

  /// Whether it could be used or not: else one of two would have to guess who closes it.
  @Test func aFileThatIsTakenOverIsClosed() throws {
    let service = MapsService()
    let child = MappingChild()
    try service.create(5)
    let path = FilePath("/proc/\(child.pid)/maps")
    for file in [path, "/dev/null"] {
      let low = try FileDescriptor.open(file, .readOnly)
      // A number that nobody else gets meanwhile.
      let high = FileDescriptor(rawValue: fcntl(low.rawValue, F_DUPFD_CLOEXEC, 900))
      try low.close()
      try #require(high.rawValue >= 900)
      #expect(throws: (any Error).self) { try service.attach(adopting: high, as: 5) }
      #expect(fcntl(high.rawValue, F_GETFD) == -1, "\(file)")
    }
  }
}
