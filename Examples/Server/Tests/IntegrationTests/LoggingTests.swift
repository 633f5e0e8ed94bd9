// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Logging
import ProcessMaps
import ReadCopyUpdate
import Synchronization
import SystemPackage
import Testing
import VirtualMemory

/// A logger whose messages can be looked at.
final class LogRecorder: Sendable {
  struct Message: Sendable {
    let level: Logger.Level
    let text: String
    let metadata: Logger.Metadata
  }

  private let recorded = Mutex<[Message]>([])
  var messages: [Message] { recorded.withLock { $0 } }
  var logger: Logger {
    var logger = Logger(label: "test") { _ in Handler(recorder: self) }
    logger.logLevel = .trace
    return logger
  }

  private struct Handler: LogHandler {
    let recorder: LogRecorder
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(recorder: LogRecorder) { self.recorder = recorder }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let message = Message(
        level: event.level, text: event.message.description, metadata: event.metadata ?? [:])
      recorder.recorded.withLock { $0.append(message) }
    }
  }
}

@Suite struct LoggingTests {
  /// A reader that stays shows up with its thread, until it leaves.
  @Test func stallsAreLogged() throws {
    typealias Domain = RCUDomain<MemoryBarrierFlavor>
    let recorder = LogRecorder()
    let before = Domain.stallMonitor
    defer { Domain.stallMonitor = before }
    Domain.stallMonitor = .logging(
      to: recorder.logger, at: .error, threshold: .milliseconds(10))
    let isLeaving = Atomic(false)
    let isInside = Atomic(false)
    let pointer = Domain.Pointer(1)
    let reader = Thread {
      Thread.current.name = "slow reader"
      Domain.withRegisteredThread {
        Domain.withReadSection { _ in
          isInside.store(true, ordering: .releasing)
          while !isLeaving.load(ordering: .acquiring) { usleep(1_000) }
        }
      }
    }
    reader.start()
    while !isInside.load(ordering: .acquiring) { usleep(1_000) }
    pointer.store(2)
    while recorder.messages.isEmpty { usleep(1_000) }
    isLeaving.store(true, ordering: .releasing)
    Domain.barrier()
    let message = try #require(recorder.messages.first)
    #expect(message.level == .error && "\(message.metadata["domain"]!)" == "mb")
    #expect("\(message.metadata["pending-count"]!)" == "1")
    guard case .array(let readers) = message.metadata["readers"],
      case .dictionary(let first) = readers.first
    else {
      Issue.record("\(message.metadata)")
      return
    }
    #expect("\(first["nesting"]!)" == "1" && first["tid"] != nil)
  }

  @Test func eventsHaveTheirLevels() {
    let recorder = LogRecorder()
    let log = MirrorEvent.logging(to: recorder.logger)
    let refused = UnavailableSource(source: .mappings, reason: "Permission denied")
    let events: [(MirrorEvent.Kind, Logger.Level, Logger.Metadata)] = [
      (.attached(.mappings, unavailable: []), .debug, ["event": "attached", "source": "mappings"]),
      (
        .attached(.polling, unavailable: [refused]), .info,
        [
          "event": "attached", "source": "polling",
          "unavailable": ["mappings": "Permission denied"],
        ]
      ),
      (.recordsLost, .info, ["event": "records-lost"]),
      (.sourceEnded(.mappings), .warning, ["event": "source-ended", "source": "mappings"]),
      (.contended, .warning, ["event": "contended"]),
      (.programStarted, .debug, ["event": "program-started"]),
      (
        .readingFailed(.tooManyOpenFiles), .warning,
        ["event": "reading-failed", "error": .string("\(Errno.tooManyOpenFiles)")]
      ),
      (.ended(.exited), .debug, ["event": "exited"]),
      (.ended(.replaced), .debug, ["event": "replaced"]),
      (.ended(.detached), .debug, ["event": "detached"]),
    ]
    for (kind, _, _) in events { log(MirrorEvent(pid: 7, kind: kind)) }
    for (message, (_, level, metadata)) in zip(recorder.messages, events) {
      #expect(message.level == level, "\(message.text)")
      let expected = metadata.merging(["pid": "7"]) { $1 }.mapValues { "\($0)" }
      #expect(message.metadata.mapValues { "\($0)" } == expected, "\(message.text)")
      #expect(message.text.hasPrefix("process 7: "))
    }
    #expect(recorder.messages.count == events.count)
  }
}
