// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import AsyncAlgorithms
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// One Server-Sent Event.
struct ServerSentEvent {
  var name: String
  var id: String?
  var data: Data

  init(_ name: String, id: String? = nil, _ data: some Encodable) throws {
    self.name = name
    self.id = id
    self.data = try JSONEncoder().encode(data)
  }

  /// The event's lines. JSON has no newlines of its own.
  var buffer: ByteBuffer {
    var buffer = ByteBuffer()
    if let id { buffer.writeString("id: \(id)\n") }
    buffer.writeString("event: \(name)\ndata: ")
    buffer.writeBytes(data)
    buffer.writeString("\n\n")
    return buffer
  }
}

/// How many streams may be open. A stream costs a task, a connection and at most one pending
/// difference.
final class StreamLimit: Sendable {
  private let count = Atomic(0)
  let maximum: Int

  init(maximum: Int) { self.maximum = maximum }

  var openCount: Int { count.load(ordering: .relaxed) }

  /// Counts one in, unless there are too many.
  func enter() -> Bool {
    if count.add(1, ordering: .relaxed).newValue <= maximum { return true }
    leave()
    return false
  }

  func leave() { count.subtract(1, ordering: .relaxed) }
}

/// Streams end at a graceful shutdown, and write something at least each 15 seconds: whoever is
/// gone without a word is noticed by that.
enum EventStream {
  private enum Part<Element: Sendable>: Sendable {
    case element(Element)
    case beat
    case end
  }

  /// A response that has an event for each element of `elements`.
  ///
  /// - Parameter events: makes the events of an element.
  static func response<Elements: AsyncSequence & Sendable>(
    _ elements: Elements, limit: StreamLimit, every interval: Duration = .seconds(15),
    events: @escaping @Sendable (Elements.Element) throws -> [ServerSentEvent]
  ) throws -> Response where Elements.Element: Sendable {
    guard limit.enter() else {
      throw RequestError(.serviceUnavailable, "\(limit.maximum) streams are open, the most")
    }
    let left = Once { limit.leave() }
    let body = ResponseBody { writer in
      defer { left.run() }
      let parts = chain(elements.map { Part.element($0) }, [Part.end].async)
      let beats = AsyncTimerSequence(interval: interval, clock: .continuous)
        .map { _ in Part<Elements.Element>.beat }
      // So that the client knows at once that it is connected.
      try await writer.write(ByteBuffer(string: ": maps-server\n\n"))
      stream: for try await part in merge(parts, beats).cancelOnGracefulShutdown() {
        switch part {
        case .element(let element):
          for event in try events(element) { try await writer.write(event.buffer) }
        case .beat:
          try await writer.write(ByteBuffer(string: ":\n\n"))
        case .end:
          break stream
        }
      }
      try await writer.finish(nil)
    }
    return Response(
      status: .ok,
      headers: [.contentType: "text/event-stream", .cacheControl: "no-store"], body: body)
  }

  /// Runs a closure at most once; at the latest when nobody has it any more, such as when a
  /// response is dropped before its body is written.
  private final class Once: Sendable {
    private let body: @Sendable () -> Void
    private let isDone = Atomic(false)

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    deinit { run() }

    func run() {
      if !isDone.exchange(true, ordering: .relaxed) { body() }
    }
  }
}
