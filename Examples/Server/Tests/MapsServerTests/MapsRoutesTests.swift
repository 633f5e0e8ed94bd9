// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Hummingbird
import Logging
import ProcessMaps
import ServerSupport
import ServiceLifecycle
import Testing
import VirtualMemory

@testable import maps_server

/// The HTTP interface as a whole, with models, whose maps are known.
@Suite struct MapsRoutesTests {
  private let service = MapsService()
  private let space: AddressSpace
  private let page = AddressSpace.pageSize

  init() throws {
    space = try service.create(7)
    for index in 0..<10 as Range<UInt64> {
      try space.map(length: page, at: .fixed(0x10_0000 + index * 2 * page))
    }
  }

  private func withClient(
    token: String? = nil,
    _ body: @escaping @Sendable (Client) async throws -> Void
  ) async throws {
    try await withRoutes(token: token) { client, _ in try await body(client) }
  }

  private func withRoutes(
    token: String? = nil, streams: Int = 16,
    _ body: @escaping @Sendable (Client, MapsRoutes) async throws -> Void
  ) async throws {
    let routes = MapsRoutes(
      service, token: token, maximumStreamCount: streams, eventInterval: .zero)
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("maps-routes-\(UUID().uuidString.prefix(8))").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let application = Application(
      router: routes.makeRouter(),
      configuration: .init(address: .unixDomainSocket(path: folder + "/http")))
    let group = ServiceGroup(services: [application], logger: Logger(label: "test"))
    async let run: Void = group.run()
    do {
      try await body(Client(socket: folder + "/http"), routes)
    } catch {
      await group.triggerGracefulShutdown()
      throw error
    }
    await group.triggerGracefulShutdown()
    try await run
  }

  private func get(
    _ client: Client, _ path: String, _ headers: [String: String] = [:]
  ) async throws -> Answer {
    try await client.getting(path, headers)
  }

  private func object(_ answer: Answer) throws -> [String: Any] { try answer.json }

  @Test func textsAreOneVersion() async throws {
    try await withClient { [space, page, self] client in
      let first = try await get(client, "/processes/7/maps")
      #expect(first.status == 200)
      #expect(first.body == space.mapsText().string)
      #expect(first.headers["content-type"] == "text/plain; charset=utf-8")
      let tag = try #require(first.headers["etag"])
      let same = try await get(client, "/processes/7/maps", ["If-None-Match": tag])
      #expect(same.status == 304 && same.body.isEmpty)
      let several = try await get(client, "/processes/7/maps", ["If-None-Match": "\"x\", \(tag)"])
      #expect(several.status == 304)
      try space.map(length: page, at: .fixed(0x50_0000))
      let second = try await get(client, "/processes/7/maps", ["If-None-Match": tag])
      #expect(second.status == 200 && second.headers["etag"] != tag)
      #expect(second.body == space.mapsText().string)
    }
  }

  @Test func jsonHasEachMapping() async throws {
    for index in 0..<1_200 as Range<UInt64> {
      try space.map(length: page, at: .fixed(0x1000_0000 + index * 2 * page))
    }
    try await withClient { [space, self] client in
      let answer = try object(await get(client, "/processes/7/maps?format=json"))
      let mappings = try #require(answer["mappings"] as? [[String: Any]])
      #expect(mappings.count == space.count)
      #expect(answer["generation"] as? UInt64 == space.generation)
      #expect(
        mappings[0]["start"] as? String == "100000" && mappings[0]["end"] as? String == "101000")
      #expect(mappings[0]["access"] as? String == "rw-p")
      let starts = mappings.map { UInt64($0["start"] as! String, radix: 16)! }
      #expect(starts == space.snapshot().map(\.start))
    }
  }

  @Test func processesAreListed() async throws {
    try await withClient { [space, self] client in
      let list = try object(await get(client, "/processes"))
      #expect((list["maximumMapCount"] as? Int ?? 0) > 0)
      let process = try #require((list["processes"] as? [[String: Any]])?.first)
      #expect(process["pid"] as? Int == 7 && process["kind"] as? String == "model")
      #expect(process["mappings"] as? Int == space.count)
      #expect(process["anonymousBytes"] as? UInt64 == space.totals.anonymousBytes)
      #expect(process["source"] is NSNull && process["unverifiedSeconds"] is NSNull)
      let same = try object(await get(client, "/processes/7"))
      #expect(same["generation"] as? UInt64 == space.generation)
    }
  }

  @Test func queriesAreOneVersion() async throws {
    try await withClient { [self] client in
      let answer = try object(
        await get(client, "/processes/7/query?address=100000&address=0x102fff&address=101000"))
      let answers = try #require(answer["answers"] as? [[String: Any]])
      #expect(answers.map { $0["address"] as? String } == ["100000", "102fff", "101000"])
      let starts = answers.map { ($0["mapping"] as? [String: Any])?["start"] as? String }
      #expect(starts == ["100000", "102000", nil])
      #expect(answers[2]["mapping"] is NSNull)
    }
  }

  @Test func differencesAreOfVersionsThatWereHandedOut() async throws {
    try await withClient { [space, page, self] client in
      let first = try object(await get(client, "/processes/7/maps?format=json"))
      let generation = try #require(first["generation"] as? UInt64)
      let version = try #require(first["version"] as? String)
      try space.map(length: page, at: .fixed(0x60_0000))
      try space.unmap(0x10_0000..<0x10_0000 + page)
      for since in ["\(generation)", version] {
        let answer = try object(await get(client, "/processes/7/difference?since=\(since)"))
        #expect(
          answer["from"] as? UInt64 == generation && answer["to"] as? UInt64 == space.generation)
        #expect(
          (answer["removed"] as? [[String: Any]])?.map { $0["start"] as? String } == ["100000"])
        #expect((answer["added"] as? [[String: Any]])?.map { $0["start"] as? String } == ["600000"])
      }
      // Another process with the same pid, and the same generations.
      try service.exit(7)
      let new = try service.create(7)
      while new.generation < generation { try new.map(length: page) }
      #expect(try await get(client, "/processes/7/difference?since=\(version)").status == 410)
    }
  }

  @Test func badRequests() async throws {
    let many = Array(repeating: "address=1", count: 1_001).joined(separator: "&")
    let cases: [(String, Int, String)] = [
      ("/processes/8", 404, "no process 8"),
      ("/processes/8/maps", 404, "no process 8"),
      ("/processes/8/changes", 404, "no process 8"),
      ("/processes/x/maps", 400, "“x”"),
      ("/processes/0/maps", 400, "“0”"),
      ("/processes/-1/maps", 400, "“-1”"),
      ("/processes/99999999999999999999/maps", 400, "positive number"),
      ("/processes/7/maps?format=xml", 400, "“xml”"),
      ("/processes/7/query", 400, "no address"),
      ("/processes/7/query?address=", 400, "hexadecimal"),
      ("/processes/7/query?address=0xg", 400, "“0xg”"),
      ("/processes/7/query?address=10000000000000000", 400, "hexadecimal"),
      ("/processes/7/query?address=-1", 400, "hexadecimal"),
      ("/processes/7/query?\(many)", 400, "more than 1000"),
      ("/processes/7/difference", 400, "no generation"),
      ("/processes/7/difference?since=x", 400, "“x”"),
      ("/processes/7/difference?since=999", 410, "999"),
      ("/nothing", 404, ""),
    ]
    try await withClient { [self] client in
      for (path, status, text) in cases {
        let response = try await get(client, path)
        #expect(response.status == status, "\(path)")
        let error = try #require(object(response)["error"] as? String, "\(path)")
        #expect(text.isEmpty || error.contains(text), "\(path): \(error)")
      }
    }
  }

  @Test func metricsAreWellFormed() async throws {
    try await withClient { [space, self] client in
      let response = try await get(client, "/metrics")
      let lines = response.body.split(separator: "\n")
      for line in lines {
        let isType = line.wholeMatch(of: /# TYPE [a-z_]+ (counter|gauge)/) != nil
        let isValue =
          line.wholeMatch(of: /[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+-]+/) != nil
        #expect(isType || isValue, "\(line)")
      }
      #expect(lines.contains("maps_process_mappings{pid=\"7\"} \(space.count)"))
      #expect(lines.contains("maps_processes 1") && lines.contains("maps_mirrors 0"))
      #expect(lines.contains { $0.hasPrefix("rcu_grace_periods_total{domain=\"bp\"} ") })
    }
  }

  @Test func thePageNeedsNothingElse() async throws {
    try await withClient { [self] client in
      for (path, type) in [
        ("/", "text/html"), ("/page.js", "text/javascript"), ("/style.css", "text/css"),
      ] {
        let response = try await get(client, path)
        #expect(response.status == 200 && response.headers["content-type"]?.hasPrefix(type) == true)
        #expect(
          response.headers["content-security-policy"]?.hasPrefix("default-src 'none'") == true)
        let text = response.body
        #expect(!text.contains("https://") || path != "/", "\(path)")
      }
      #expect(try await get(client, "/healthz").body == "ok\n")
    }
  }

  @Test func tokens() async throws {
    try await withClient(token: "a-long-token-of-the-test") { [self] client in
      for path in ["/processes", "/processes/7/maps", "/metrics", "/changes", "/nothing"] {
        for header in [
          nil, "Bearer wrong", "a-long-token-of-the-test", "Bearer a-long-token-of-the-tesu",
        ] {
          let response = try await get(client, path, header.map { ["Authorization": $0] } ?? [:])
          #expect(response.status == 401, "\(path)")
        }
      }
      let right = ["Authorization": "Bearer a-long-token-of-the-test"]
      #expect(try await get(client, "/processes", right).status == 200)
      #expect(try await get(client, "/").status == 200)
    }
  }

  // MARK: Streams

  private struct Event {
    var id: String?
    var name = ""
    var data: [String: Any] = [:]
  }

  private func events(_ response: Answer) throws -> [Event] {
    try response.body.components(separatedBy: "\n\n").compactMap { block in
      var event = Event()
      for line in block.split(separator: "\n") {
        if line.hasPrefix("id: ") { event.id = String(line.dropFirst(4)) }
        if line.hasPrefix("event: ") { event.name = String(line.dropFirst(7)) }
        if line.hasPrefix("data: ") {
          let object = try JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8))
          event.data = try #require(object as? [String: Any])
        }
      }
      return event.name.isEmpty ? nil : event
    }
  }

  private func waitUntil(_ condition: () -> Bool) async throws {
    while !condition() { try await Task.sleep(for: .milliseconds(5)) }
  }

  /// The state, then each difference from where the one before it ended, then the reason.
  @Test func streamsHaveNoGaps() async throws {
    try await withRoutes { [service, space, page, self] client, routes in
      async let stream = get(client, "/processes/7/changes")
      try await waitUntil { routes.streams.openCount == 1 }
      for index in 0..<100 as Range<UInt64> {
        try space.map(length: page, at: .fixed(0x80_0000 + index * 2 * page))
        if index % 10 == 0 { try await Task.sleep(for: .milliseconds(5)) }
      }
      let final = space.snapshot().map { hexadecimal($0.start) }
      try service.exit(7)
      let events = try await events(stream)
      try await waitUntil { routes.streams.openCount == 0 }
      #expect(events.first?.name == "state" && events.last?.name == "end")
      #expect(events.last?.data["reason"] as? String == "exited")
      var generation = events.first?.data["generation"] as? UInt64
      var starts = Set(
        (events.first?.data["mappings"] as? [[String: Any]] ?? []).map { $0["start"] as! String })
      for event in events.dropFirst().dropLast() {
        #expect(event.name == "changes" && event.data["from"] as? UInt64 == generation)
        generation = event.data["to"] as? UInt64
        #expect(event.id?.hasSuffix("-\(generation ?? 0)") == true)
        for mapping in event.data["removed"] as? [[String: Any]] ?? [] {
          starts.remove(mapping["start"] as! String)
        }
        for mapping in event.data["added"] as? [[String: Any]] ?? [] {
          starts.insert(mapping["start"] as! String)
        }
      }
      #expect(starts.sorted() == final.sorted())
    }
  }

  @Test func streamsResume() async throws {
    try await withRoutes { [service, space, page, self] client, routes in
      let first = try object(await get(client, "/processes/7/maps?format=json"))
      let version = try #require(first["version"] as? String)
      try space.map(length: page, at: .fixed(0x90_0000))
      let name = "Last-Event-ID"
      async let known = get(client, "/processes/7/changes", [name: version])
      async let unknown = get(client, "/processes/7/changes", [name: "1-424242"])
      async let wrong = get(client, "/processes/7/changes", [name: "x"])
      try await waitUntil { routes.streams.openCount == 3 }
      // They have their first events before the end.
      try await Task.sleep(for: .milliseconds(200))
      try service.exit(7)
      let resumed = try await events(known)
      #expect(resumed.map(\.name) == ["changes", "end"])
      #expect(resumed.first?.data["from"] as? UInt64 == first["generation"] as? UInt64)
      #expect(try await events(unknown).map(\.name) == ["state", "end"])
      #expect(try await events(wrong).map(\.name) == ["state", "end"])
    }
  }

  @Test func streamsAreBounded() async throws {
    try await withRoutes(streams: 1) { [service, self] client, routes in
      async let stream = get(client, "/processes/7/changes")
      try await waitUntil { routes.streams.openCount == 1 }
      #expect(try await get(client, "/processes/7/changes").status == 503)
      #expect(try await get(client, "/changes").status == 503)
      try service.exit(7)
      #expect(try await stream.status == 200)
      try await waitUntil { routes.streams.openCount == 0 }
    }
  }

  @Test func versionsAreBounded() throws {
    let versions = HandedOutVersions(maximumCount: 4)
    var handedOut: [MapVersion] = []
    for index in 0..<10 as Range<UInt64> {
      try space.map(length: page, at: .fixed(0x70_0000 + index * 2 * page))
      handedOut.append(versions.handOut(space.snapshot(), of: 7))
    }
    let kept = handedOut.map { versions.snapshot("\($0)", of: 7, in: space) != nil }
    #expect(kept == Array(repeating: false, count: 6) + Array(repeating: true, count: 4))
    #expect(space.snapshotStatistics.versionCount <= 4)
    versions.keepOnly([])
    #expect(space.snapshotStatistics.versionCount == 0)
  }
}
