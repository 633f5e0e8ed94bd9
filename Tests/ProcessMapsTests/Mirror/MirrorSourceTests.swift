// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

/// What mirrors learn from their sources, while they are run and when they are asked.
@Suite(.serialized) struct MirrorSourceTests {
  private static let base = MappingChild.window

  // MARK: Running

  @Test(arguments: MirrorSource.allCases)
  func runsFollow(_ source: MirrorSource) async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(source))
    guard MirrorSources.isAvailable(source, mirror) else { return }
    let run = Task { try await mirror.run() }
    child.perform(.map, Self.base, 4096, 3)
    #expect(await eventually { mirror.lookup(Self.base).vma != nil })
    child.perform(.unmap, Self.base, 4096)
    #expect(await eventually { mirror.lookup(Self.base).vma == nil })
    run.cancel()
    try await run.value
    child.perform(.map, Self.base, 4096, 3)
    #expect(mirror.lookup(Self.base).vma == nil, "nobody reads any more")
  }

  @Test(arguments: MirrorSource.allCases)
  func runsEndWithTheProcess(_ source: MirrorSource) async throws {
    let child = MappingChild()
    // The next reading is far away: the end is told.
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(source, every: .seconds(3600)))
    async let end: Void = mirror.run()
    child.end()
    try await end
    #expect(mirror.state == .exited)
  }

  @Test func notedChangesAreReadAtOnce() async throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(.polling, every: .seconds(3600)))
    let run = Task { try await mirror.run() }
    child.perform(.map, Self.base, 4096, 3)
    #expect(
      await eventually {
        mirror.noteChange()
        return mirror.lookup(Self.base).vma != nil
      })
    await #expect(throws: Errno.resourceBusy) { try await mirror.run() }
    mirror.detach()
    try await run.value
    #expect(mirror.lookup(Self.base).freshness == .detached)
  }

  // MARK: What sources tell

  /// What a source tells of is followed without a reading of the text.
  @Test(arguments: [MirrorSource.mappings, .systemCalls])
  func toldChangesAreCopied(_ source: MirrorSource) throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(source))
    guard MirrorSources.isAvailable(source, mirror), MirrorSources.hasQuery else { return }
    child.perform(.map, Self.base, 4 * 4096, 3)
    var outcome = try mirror.refreshChanges()
    #expect(outcome == MirrorRefresh(isChanged: true, state: .live, readingCount: 0))
    #expect(mirror.lookup(Self.base).vma?.range == Self.base..<Self.base + 4 * 4096)
    child.perform(.protect, Self.base + 4096, 4096, 1)
    outcome = try mirror.refreshChanges()
    #expect(outcome == MirrorRefresh(isChanged: true, state: .live, readingCount: 0))
    #expect(try child.differences(from: mirror) == [])
    // Merges them again.
    child.perform(.protect, Self.base + 4096, 4096, 3)
    #expect(try mirror.refreshChanges().readingCount == 0)
    #expect(try child.differences(from: mirror) == [])
    let last = mirror.asOf
    child.perform(.unmap, Self.base + 4096, 2 * 4096)
    outcome = try mirror.refreshChanges()
    #expect(outcome.readingCount == 0)
    if source == .systemCalls {
      #expect(outcome.isChanged && mirror.asOf > last)
      #expect(try child.differences(from: mirror) == [])
    } else {
      #expect(!outcome.isChanged && mirror.asOf == last, "it isn't told of")
      #expect(try mirror.refresh().isChanged)
    }
  }

  /// More than a ring holds.
  @Test(arguments: [MirrorSource.mappings, .systemCalls])
  func lostRecordsCostOneReading(_ source: MirrorSource) throws {
    let child = MappingChild()
    var configuration = MirrorSources.configuration(source)
    configuration.perf.ringPages = 1
    let mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    guard MirrorSources.isAvailable(source, mirror) else { return }
    for index in 0..<200 as Range<UInt64> {
      child.perform(.map, Self.base + index * 2 * 4096, 4096, 3)
    }
    #expect(try mirror.refreshChanges().readingCount > 0)
    #expect(try child.differences(from: mirror) == [])
    child.perform(.unmap, Self.base, 400 * 4096)
    try mirror.refresh()
    #expect(try child.differences(from: mirror) == [])
  }

  @Test func sourcesThatCantBeUsedAreNamed() throws {
    let child = MappingChild()
    var configuration = MirrorSources.configuration(.mappings)
    configuration.perf.maximumDescriptorCount = 0
    var mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
    #expect(mirror.source == .polling && mirror.unavailableSources.count == 1)
    #expect(
      try Regex("mappings: (more than 0 descriptors would be needed|perf .*)")
        .wholeMatch(in: "\(mirror.unavailableSources[0])") != nil)
    try withTemporaryDirectory { root in
      // As in another PID namespace, where this process has no number, or two.
      for status in ["", "Name:\tx\nNSpid:\t77\t1\n"] {
        for folder in ["self", "\(child.pid)"] {
          let folder = root + "/" + folder
          try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
          for (name, text) in [
            ("status", status), ("stat", try contents("/proc/\(child.pid)/stat")),
            ("maps", try child.mapsText()),
          ] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
          }
        }
        configuration.root = FilePath(root)
        mirror = try ProcessMirror(pid: child.pid, configuration: configuration)
        #expect("\(mirror.unavailableSources)".contains("another PID namespace"))
      }
    }
    let descriptor = try FileDescriptor.open(FilePath("/proc/\(child.pid)/maps"), .readOnly)
    mirror = try ProcessMirror(adopting: descriptor, configuration: configuration)
    #expect("\(mirror.unavailableSources)".contains("adopted"))
  }

  private func contents(_ path: String) throws -> String {
    String(decoding: try ProcessFolder.contents(of: FilePath(path)), as: UTF8.self)
  }
}
