// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import AsyncAlgorithms
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// Replaces the configuration on SIGHUP, and when its file has changed. A file with a mistake is
/// reported, and the server goes on with what it has.
struct Reloader: Service {
  let store: any ConfigurationStore
  let file: String
  /// The time between two looks at the file.
  let interval: Duration
  let logger: Logger

  private enum Reason: Sendable {
    case signal
    case look
  }

  func run() async throws {
    let signals = await UnixSignalsSequence(trapping: .sighup).map { _ in Reason.signal }
    let looks = AsyncTimerSequence(interval: interval, clock: .continuous).map { _ in Reason.look }
    var last = stamp
    for await reason in merge(signals, looks).cancelOnGracefulShutdown() {
      let now = stamp
      if reason == .look && now == last { continue }
      last = now
      do {
        let new = try Configuration(contentsOf: file)
        await store.replace(with: new)
        logger.notice("configuration replaced", metadata: ["version": "\(new.version)"])
      } catch {
        logger.error("the configuration stays as it is: \(error)")
      }
    }
  }

  /// What changes when the file does: it may be written in place, or replaced by another one.
  private var stamp: [FileAttributeKey: String] {
    let attributes = (try? FileManager.default.attributesOfItem(atPath: file)) ?? [:]
    let keys: [FileAttributeKey] = [.modificationDate, .size, .systemFileNumber]
    return Dictionary(uniqueKeysWithValues: keys.map { ($0, "\(attributes[$0] ?? "")") })
  }
}
