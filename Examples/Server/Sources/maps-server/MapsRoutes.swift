// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ProcessMaps
import ReadCopyUpdate
import SystemPackage
import VirtualMemory

/// The HTTP interface of a service of maps; README.md describes it.
struct MapsRoutes: Sendable {
  let service: MapsService
  let versions = HandedOutVersions()
  let streams: StreamLimit
  /// The least time between two events of a stream.
  let eventInterval: Duration
  /// What clients must know, if anything; otherwise they must be of this machine.
  let token: String?
  private let metrics = PrometheusMetrics()
  private let mapsMetrics: MapsMetrics
  private let rcuMetrics: RCUMetrics

  /// The most addresses of one query. A request's head is bounded anyway.
  static let maximumAddressCount = 1_000
  private static let textChunk = 64 << 10
  private static let mappingChunk = 500

  init(
    _ service: MapsService, token: String? = nil, maximumStreamCount: Int = 512,
    eventInterval: Duration = .milliseconds(100)
  ) {
    self.service = service
    self.token = token
    self.eventInterval = eventInterval
    streams = StreamLimit(maximum: maximumStreamCount)
    mapsMetrics = MapsMetrics(service, factory: metrics)
    rcuMetrics = RCUMetrics(RCU.self, factory: metrics)
  }

  func makeRouter() -> Router<BasicRequestContext> {
    let router = Router(context: BasicRequestContext.self, options: .autoGenerateHeadEndpoints)
    router.add(middleware: AnswerMiddleware())
    if let token {
      router.add(middleware: TokenMiddleware(token: token))
    } else {
      router.add(middleware: HostMiddleware())
    }
    router.get("/") { _, _ in page(PackageResources.index_html, "text/html; charset=utf-8") }
    router.get("/page.js") { _, _ in page(PackageResources.page_js, "text/javascript") }
    router.get("/style.css") { _, _ in page(PackageResources.style_css, "text/css") }
    router.get("/healthz") { _, _ in "ok\n" }
    router.get("/metrics") { _, _ in metricsAnswer() }
    router.get("/processes") { _, _ in try processList() }
    router.get("/changes") { _, _ in try serviceChanges() }
    router.get("/processes/:pid") { _, context in
      try Response.json(process(Self.pid(context)))
    }
    router.get("/processes/:pid/maps") { request, context in
      try maps(Self.pid(context), request)
    }
    router.get("/processes/:pid/query") { request, context in
      try query(Self.pid(context), request)
    }
    router.get("/processes/:pid/difference") { request, context in
      try difference(Self.pid(context), request)
    }
    router.get("/processes/:pid/changes") { request, context in
      try changes(Self.pid(context), request)
    }
    return router
  }

  private func page(_ bytes: [UInt8], _ type: String) -> Response {
    Response(
      status: .ok, headers: [.contentType: type, .cacheControl: "no-cache"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  // MARK: Parameters

  private static func pid(_ context: BasicRequestContext) throws -> Int32 {
    let text = context.parameters.get("pid") ?? ""
    guard let pid = Int32(text), pid > 0 else {
      throw RequestError(.badRequest, "a process ID is a positive number, not “\(text.prefix(20))”")
    }
    return pid
  }

  private static func address(_ text: Substring) throws -> UInt64 {
    let digits = text.hasPrefix("0x") ? text.dropFirst(2) : text
    guard let address = UInt64(digits, radix: 16), digits.first != "+" else {
      throw RequestError(.badRequest, "an address is hexadecimal, not “\(text.prefix(20))”")
    }
    return address
  }

  /// Calls `body`, which asks the service for `pid`.
  private func asking<R>(_ pid: Int32, _ body: () throws(Errno) -> R) throws -> R {
    do throws(Errno) { return try body() } catch { throw RequestError(error, pid: pid) }
  }

  private func snapshot(_ pid: Int32) throws -> MapsSnapshot {
    try asking(pid) { () throws(Errno) in try service.snapshot(of: pid) }
  }

  // MARK: Processes

  private func processList() throws -> Response {
    let limit = (try? String(contentsOfFile: "/proc/sys/vm/max_map_count", encoding: .utf8))
      .flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    let pids = service.pids
    versions.keepOnly(Set(pids))
    return try Response.json(
      ProcessListAnswer(
        maximumMapCount: limit ?? 65_530, processes: pids.compactMap { try? process($0) }))
  }

  private func process(_ pid: Int32) throws -> ProcessAnswer {
    try asking(pid) { () throws(Errno) in
      let mirror = try service.mirror(of: pid)
      let root = service.mirrors.root
      let command =
        mirror == nil
        ? nil : try? String(contentsOfFile: "\(root)/\(pid)/comm", encoding: .utf8)
      return ProcessAnswer(
        pid: pid, command: String((command ?? "").prefix { $0 != "\n" }), mirror: mirror,
        totals: try service.totals(of: pid))
    }
  }

  // MARK: Maps

  private func maps(_ pid: Int32, _ request: Request) throws -> Response {
    let format = request.uri.queryParameters["format"] ?? "text"
    guard ["text", "json"].contains(format) else {
      throw RequestError(.badRequest, "a format is “text” or “json”, not “\(format.prefix(20))”")
    }
    let snapshot = try snapshot(pid)
    let version = versions.handOut(snapshot, of: pid)
    // The two formats are two representations: each has a tag of its own.
    let tag = "\"\(version)\(format == "json" ? "-json" : "")\""
    let known = request.headers[.ifNoneMatch].map { $0.split(separator: ",") } ?? []
    let headers: HTTPFields = [
      .eTag: tag, .cacheControl: "no-cache",
      .contentType: format == "json" ? "application/json" : "text/plain; charset=utf-8",
    ]
    if known.contains(where: { $0.trimmingCharacters(in: .whitespaces) == tag }) {
      return Response(status: .notModified, headers: headers)
    }
    return Response(
      status: .ok, headers: headers,
      body: format == "json" ? json(snapshot, pid, version) : text(snapshot))
  }

  private func text(_ snapshot: MapsSnapshot) -> ResponseBody {
    let text = ByteBuffer(bytes: snapshot.mapsText().array)
    return ResponseBody(contentLength: text.readableBytes) { writer in
      var rest = text
      while let part = rest.readSlice(length: min(Self.textChunk, rest.readableBytes)),
        part.readableBytes > 0
      {
        try await writer.write(part)
      }
      try await writer.finish(nil)
    }
  }

  /// Written in parts, so that a map of any size takes little memory.
  private func json(
    _ snapshot: MapsSnapshot, _ pid: Int32, _ version: MapVersion
  ) -> ResponseBody {
    ResponseBody { writer in
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      let generation = snapshot.generation
      try await writer.write(
        ByteBuffer(
          string:
            #"{"pid":\#(pid),"generation":\#(generation),"version":"\#(version)","mappings":["#))
      var iterator = snapshot.makeIterator()
      var isFirst = true
      while true {
        var mappings: [MappingAnswer] = []
        while mappings.count < Self.mappingChunk, let vma = iterator.next() {
          mappings.append(MappingAnswer(vma))
        }
        if mappings.isEmpty { break }
        // Without the brackets of the part's own.
        let part = try encoder.encode(mappings).dropFirst().dropLast()
        var buffer = ByteBuffer()
        if !isFirst { buffer.writeString(",\n") }
        buffer.writeBytes(part)
        isFirst = false
        try await writer.write(buffer)
      }
      try await writer.write(ByteBuffer(string: "]}\n"))
      try await writer.finish(nil)
    }
  }

  private func query(_ pid: Int32, _ request: Request) throws -> Response {
    let texts = request.uri.queryParameters[values: "address"]
    guard !texts.isEmpty else {
      throw RequestError(.badRequest, "no address: /processes/\(pid)/query?address=7f0012345678")
    }
    guard texts.count <= Self.maximumAddressCount else {
      throw RequestError(
        .badRequest, "\(texts.count) addresses, more than \(Self.maximumAddressCount)")
    }
    let addresses = try texts.map(Self.address)
    let snapshot = try snapshot(pid)
    return try Response.json(
      QueryAnswer(
        generation: snapshot.generation,
        version: versions.handOut(snapshot, of: pid).description,
        answers: addresses.map { address in
          QueryAnswer.Answer(
            address: hexadecimal(address),
            mapping: (try? snapshot.namedQuery(address)).map(MappingAnswer.init))
        }))
  }

  private func difference(_ pid: Int32, _ request: Request) throws -> Response {
    guard let since = request.uri.queryParameters["since"] else {
      throw RequestError(.badRequest, "no generation: /processes/\(pid)/difference?since=12")
    }
    let new = try snapshot(pid)
    guard MapVersion(since, currentInstance: 0) != nil else {
      throw RequestError(.badRequest, "a generation is a number, not “\(since.prefix(20))”")
    }
    guard let old = versions.snapshot(since, of: pid, in: new.space) else {
      throw RequestError(.gone, "generation \(since.prefix(40)) isn't kept, or not any more")
    }
    return try Response.json(
      DifferenceAnswer(
        AddressSpace.difference(from: old, to: new), pid: pid,
        version: versions.handOut(new, of: pid).description))
  }

  // MARK: Streams

  private func changes(_ pid: Int32, _ request: Request) throws -> Response {
    let space = try asking(pid) { () throws(Errno) in try service.space(of: pid) }
    let since = request.headers[HTTPField.Name("Last-Event-ID")!]
      .flatMap { versions.snapshot($0, of: pid, in: space) }
    let updates = space.updates(since: since, atMostEvery: eventInterval)
    return try EventStream.response(updates, limit: streams) { update in
      switch update {
      case .state(let snapshot):
        let version = versions.handOut(snapshot, of: pid).description
        return [
          try ServerSentEvent(
            "state", id: version, MapsAnswer(snapshot, pid: pid, version: version))
        ]
      case .changes(let difference):
        let version = versions.handOut(difference.to, of: pid).description
        return [
          try ServerSentEvent(
            "changes", id: version, DifferenceAnswer(difference, pid: pid, version: version))
        ]
      case .ended(let end):
        return [try ServerSentEvent("end", EndAnswer(reason: "\(end)"))]
      }
    }
  }

  private func serviceChanges() throws -> Response {
    // A process that changes a thousand times a second isn't listed a thousand times.
    let interval = max(eventInterval, .milliseconds(500))
    return try EventStream.response(service.updates(atMostEvery: interval), limit: streams) {
      [
        try ServerSentEvent(
          "processes",
          ServiceChangeAnswer(
            started: $0.started.keys.sorted(), changed: $0.changed.keys.sorted(),
            ended: $0.ended.keys.sorted()))
      ]
    }
  }

  // MARK: Metrics

  private func metricsAnswer() -> Response {
    mapsMetrics.report()
    rcuMetrics.report()
    var text = metrics.text()
    text += "# TYPE maps_streams gauge\n"
    text += PrometheusMetrics.line("maps_streams", [], Double(streams.openCount))
    // Each process by itself: what monitoring systems ask for.
    let gauges: [(name: String, value: (MapsTotals) -> Double)] = [
      ("maps_process_mappings", { Double($0.count) }),
      ("maps_process_mapped_bytes", { Double($0.mappedBytes) }),
      ("maps_process_anonymous_bytes", { Double($0.anonymousBytes) }),
      ("maps_process_file_bytes", { Double($0.fileBytes) }),
      ("maps_process_shared_bytes", { Double($0.sharedBytes) }),
      ("maps_process_writable_executable_bytes", { Double($0.writableExecutableBytes) }),
    ]
    let all = service.pids.compactMap { pid in (try? service.totals(of: pid)).map { (pid, $0) } }
    for gauge in gauges {
      text += "# TYPE \(gauge.name) gauge\n"
      for (pid, totals) in all {
        text += PrometheusMetrics.line(gauge.name, [("pid", "\(pid)")], gauge.value(totals))
      }
    }
    return Response(
      status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}
