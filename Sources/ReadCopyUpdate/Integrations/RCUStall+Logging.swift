// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if Logging
  public import Logging

  extension RCUStall {
    /// What the stall says, in parts: `domain`, `duration-ms`, `pending-count` and `pending-bytes`;
    /// then either `running-call`, or `readers`, each with `tid`, `thread` and `nesting` as far as
    /// they are known.
    ///
    /// - Complexity: O(readers).
    public var loggerMetadata: Logger.Metadata {
      var metadata: Logger.Metadata = [
        "domain": .string(domainName),
        "duration-ms": .stringConvertible(Int(duration / .milliseconds(1))),
        "pending-count": .stringConvertible(pendingCount),
        "pending-bytes": .stringConvertible(pendingBytes),
      ]
      if let runningCall {
        metadata["running-call"] = .string(runningCall)
      } else {
        metadata["readers"] = .array(readers.map { .dictionary($0.loggerMetadata) })
      }
      return metadata
    }
  }

  extension RCUStalledReader {
    fileprivate var loggerMetadata: Logger.Metadata {
      var metadata: Logger.Metadata = [:]
      if let thread {
        metadata["tid"] = .stringConvertible(thread.id)
        metadata["thread"] = .string(thread.name)
      }
      switch self {
      case .inside(_, let nesting): metadata["nesting"] = .stringConvertible(nesting)
      case .notQuiescent: metadata["nesting"] = "0"
      case .sections(let count): metadata["sections"] = .stringConvertible(count)
      }
      return metadata
    }
  }

  extension RCUStallMonitor {
    /// A monitor that logs each stall, as a message and as metadata; see
    /// ``RCUStall/loggerMetadata``.
    ///
    /// ```swift
    /// RCU.stallMonitor = .logging(to: Logger(label: "rcu"), threshold: .seconds(1))
    /// ```
    ///
    /// Requires the package trait `Logging`.
    ///
    /// - Parameters:
    ///   - logger: where to log. Its handler runs on the monitor's thread, and must not block or
    ///     wait for a grace period.
    ///   - level: the level of the messages.
    ///   - threshold: how long a grace period may take.
    /// - Precondition: the threshold is at least a millisecond.
    public static func logging(
      to logger: Logger, at level: Logger.Level = .warning, threshold: Duration = .seconds(10)
    ) -> RCUStallMonitor {
      RCUStallMonitor(threshold: threshold) { stall in
        logger.log(level: level, "\(stall)", metadata: stall.loggerMetadata)
      }
    }
  }
#endif
