// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import VirtualMemory

/// What happens while a process is watched.
enum WatchEvent: Sendable {
  case update(MapsUpdate)
  /// It is time to show how old the picture is.
  case tick
  /// The time that was asked for is over.
  case timeIsOver
  case signal(Int32)
  case failure(String)
}

/// Everything that happens to a process that is watched, as one sequence.
struct WatchEvents: Sendable {
  let process: WatchedProcess
  var hasTicks = false
  /// When to end; `nil` for never.
  var duration: Duration?
  /// Signals that are events, and don't do what they do otherwise.
  var signals: [Int32] = []

  /// Calls `body` with each event, in order, until it returns false.
  func forEach(_ body: (WatchEvent) throws -> Bool) async throws {
    let (events, continuation) = AsyncStream.makeStream(of: WatchEvent.self)
    let sources = Terminal.handle(signals) { continuation.yield(.signal($0)) }
    let tasks = tasks(continuation)
    defer {
      for task in tasks { task.cancel() }
      for source in sources { source.cancel() }
    }
    for await event in events {
      guard try body(event) else { return }
    }
  }

  private func tasks(
    _ continuation: AsyncStream<WatchEvent>.Continuation
  ) -> [Task<Void, Never>] {
    let mirror = process.mirror
    var tasks = [
      Task {
        do {
          try await mirror.run()
        } catch {
          continuation.yield(.failure("can't follow the process: \(error)"))
        }
      },
      Task {
        for await update in mirror.updates() { continuation.yield(.update(update)) }
      },
    ]
    if hasTicks {
      tasks.append(
        Task {
          while (try? await Task.sleep(for: Self.tickInterval)) != nil { continuation.yield(.tick) }
        })
    }
    if let duration {
      tasks.append(
        Task {
          guard (try? await Task.sleep(for: duration)) != nil else { return }
          continuation.yield(.timeIsOver)
        })
    }
    return tasks
  }

  /// How often the age of the picture is shown anew.
  private static var tickInterval: Duration { .milliseconds(500) }
}
