// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import SystemPackage
import TestSupport
import Testing
import VirtualMemory

@testable import ProcessMaps

/// What a mirror tells of itself.
@Suite(.serialized) struct MirrorEventTests {
  private let base = MappingChild.window
  private let events = EventLog()

  private final class EventLog: Sendable {
    private let log = Locked<[MirrorEvent]>([])
    var kinds: [MirrorEvent.Kind] { log.withLock { $0.map(\.kind) } }
    var all: [MirrorEvent] { log.withLock { $0 } }
    func add(_ event: MirrorEvent) { log.withLock { $0.append(event) } }
  }

  @Test func aLife() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(.polling), onEvent: events.add)
    #expect(events.all == [.init(pid: child.pid, kind: .attached(.polling, unavailable: []))])
    #expect(mirror.statistics.refreshCount == 1)
    child.perform(.map, base, 4096, 3)
    try mirror.refresh()
    try mirror.refresh()
    let statistics = mirror.statistics
    #expect(statistics.refreshCount == 3 && statistics.readingCount >= 4)
    #expect(statistics.changeCount == 2 && statistics.contendedCount == 0)
    child.perform(.execute)
    while !events.kinds.contains(.programStarted) { try mirror.refresh() }
    child.kill()
    while try mirror.refresh().state != .exited {}
    mirror.detach()
    #expect(events.kinds.last == .ended(.exited))
    #expect(Set(events.kinds).count == events.kinds.count, "each once")
    let text = events.all.map(\.description)
    #expect(text.first == "process \(child.pid): attached, by polling")
    #expect(text.last == "process \(child.pid): exited")
  }

  @Test func detachingIsToldOnce() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(.polling), onEvent: events.add)
    mirror.detach()
    mirror.detach()
    #expect(events.kinds.dropFirst() == [.ended(.detached)])
  }

  /// The handler may use the mirror: no lock is held.
  @Test func handlersMayUseTheMirror() throws {
    let child = MappingChild()
    let mirror = Locked<ProcessMirror?>(nil)
    let isUsed = Locked(false)
    let attached = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(.polling)
    ) { _ in
      guard let mirror = mirror.withLock({ $0 }) else { return }
      _ = try? mirror.refresh()
      mirror.detach()
      isUsed.withLock { $0 = true }
    }
    mirror.withLock { $0 = attached }
    child.end()
    #expect(try attached.refresh().state == .exited)
    #expect(isUsed.withLock { $0 })
    mirror.withLock { $0 = nil }
  }

  @Test(arguments: [MirrorSource.mappings, .systemCalls])
  func lostRecords(_ source: MirrorSource) throws {
    let child = MappingChild()
    var configuration = MirrorSources.configuration(source)
    configuration.perf.ringPages = 1
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: configuration, onEvent: events.add)
    guard MirrorSources.isAvailable(source, mirror) else { return }
    for index in 0..<200 as Range<UInt64> {
      child.perform(.map, base + index * 2 * 4096, 4096, 3)
    }
    try mirror.refreshChanges()
    #expect(events.kinds.contains(.recordsLost))
    #expect(mirror.statistics.lostRecordsCount == events.kinds.count { $0 == .recordsLost })
  }

  @Test func contentionIsToldOnce() throws {
    let child = MappingChild()
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: MirrorSources.configuration(.polling), onEvent: events.add)
    child.perform(.storm, base, 64 * 4096)
    var contended = 0
    while contended < 3 { contended += try mirror.refresh().state == .contended ? 1 : 0 }
    #expect(mirror.statistics.contendedCount == contended)
    let told = events.kinds.count { $0 == .contended }
    #expect((1...contended).contains(told))
    child.kill()
  }

  /// One that can't be read is told of once, until it can be read again.
  @Test func failedReadings() async throws {
    let events = events
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("swift-urcu-" + UUID().uuidString).path
    try FileManager.default.createDirectory(
      atPath: folder + "/42", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ name: String, _ text: String) throws {
      let file = try FileDescriptor.open(
        FilePath("\(folder)/42/\(name)"), .writeOnly, options: [.create, .truncate],
        permissions: .ownerReadWrite)
      try file.closeAfter { _ = try file.writeAll(text.utf8) }
    }
    let line = "00010000-00020000 r--p 00000000 00:00 0 \n"
    try write("stat", "42 (x) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n")
    try write("maps", line)
    var configuration = MirrorSources.configuration(.polling)
    configuration.root = FilePath(folder)
    let mirror = try ProcessMirror(pid: 42, configuration: configuration, onEvent: events.add)
    let run = Task { try await mirror.run() }
    @Sendable func failures() -> Int { events.kinds.count { $0 == .readingFailed(.badMessage) } }
    for count in 1...2 {
      try write("maps", "wrong\n")
      #expect(await eventually { failures() == count })
      try write("maps", line)
      let readings = mirror.statistics.readingCount
      #expect(await eventually { mirror.statistics.readingCount > readings + 2 })
      #expect(failures() == count)
    }
    run.cancel()
    try await run.value
  }

  @Test func servicesAddUp() throws {
    let events = events
    let service = MapsService(
      mirrors: MirrorSources.configuration(.polling), onEvent: events.add)
    let children = [MappingChild(), MappingChild()]
    for child in children { try service.attach(child.pid) }
    try service.detach(children[0].pid)
    #expect(service.mirrorStatistics.refreshCount == 2)
    #expect(events.all.map(\.pid) == [children[0].pid, children[1].pid, children[0].pid])
    #expect(events.kinds.last == .ended(.detached))
  }
}
