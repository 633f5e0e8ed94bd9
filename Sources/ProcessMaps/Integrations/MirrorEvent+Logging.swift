// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if Logging
  public import Logging
  internal import VirtualMemory

  extension MirrorEvent {
    /// Returns a handler that logs each event, as a message and as metadata.
    ///
    /// ```swift
    /// let service = MapsService(onEvent: MirrorEvent.logging(to: Logger(label: "maps")))
    /// ```
    ///
    /// | level | events |
    /// |---|---|
    /// | `debug` | attached by the best source, another program, exited, detached |
    /// | `info` | attached, but better sources can't be used; lost records |
    /// | `warning` | the kernel has ended the records; contended; can't be read now |
    ///
    /// The metadata has `pid`, `event` and, as far as there are any, `source`, `unavailable` and
    /// `error`.
    ///
    /// Requires the package trait `Logging`.
    public static func logging(to logger: Logger) -> @Sendable (MirrorEvent) -> Void {
      { event in
        logger.log(
          level: event.kind.loggerLevel, "\(event)", metadata: event.loggerMetadata)
      }
    }

    /// The parts of the event as metadata.
    ///
    /// - Complexity: O(unavailable sources).
    public var loggerMetadata: Logger.Metadata {
      var metadata: Logger.Metadata = ["event": .string(kind.loggerName)]
      if let pid { metadata["pid"] = .stringConvertible(pid) }
      switch kind {
      case .attached(let source, let unavailable):
        metadata["source"] = .string("\(source)")
        if !unavailable.isEmpty {
          metadata["unavailable"] = .dictionary(
            .init(unavailable.map { ("\($0.source)", .string($0.reason)) }) { first, _ in first })
        }
      case .sourceEnded(let source): metadata["source"] = .string("\(source)")
      case .readingFailed(let error): metadata["error"] = .string("\(error)")
      case .recordsLost, .contended, .programStarted, .ended: break
      }
      return metadata
    }
  }

  extension MirrorEvent.Kind {
    fileprivate var loggerLevel: Logger.Level {
      switch self {
      case .attached(_, let unavailable): unavailable.isEmpty ? .debug : .info
      case .programStarted, .ended: .debug
      case .recordsLost: .info
      case .sourceEnded, .contended, .readingFailed: .warning
      }
    }

    fileprivate var loggerName: String {
      switch self {
      case .attached: "attached"
      case .recordsLost: "records-lost"
      case .sourceEnded: "source-ended"
      case .contended: "contended"
      case .programStarted: "program-started"
      case .readingFailed: "reading-failed"
      case .ended(.exited): "exited"
      case .ended(.replaced): "replaced"
      case .ended(.detached): "detached"
      }
    }
  }
#endif
