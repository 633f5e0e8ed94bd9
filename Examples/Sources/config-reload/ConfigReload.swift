// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: a server's configuration that is replaced while tasks of Swift Concurrency serve
// requests with it. A request reads it in a section and pays no lock and no reference count;
// whoever reloads awaits `synchronize()` without blocking a thread, and knows then that nobody uses
// the old one any more: here it closes the old upstream, which a request must never find closed.
//
// What it leaves out: sockets and files. A request that must keep the configuration across an
// `await` copies what it needs in the section, as here, or uses SleepableRCU.

import Foundation
import ReadCopyUpdate
import Synchronization

/// Something with an end, like a connection pool: using it after `close` is the error to prevent.
final class Upstream: Sendable {
  static let openCount = Atomic(0)
  private let isOpen = Atomic(true)

  init() { Self.openCount.wrappingAdd(1, ordering: .relaxed) }

  func close() {
    isOpen.store(false, ordering: .relaxed)
    Self.openCount.wrappingSubtract(1, ordering: .relaxed)
  }

  /// Whether it was open.
  func use() -> Bool { isOpen.load(ordering: .relaxed) }
}

/// One version of the configuration. Its fields belong together.
struct Configuration: ~Copyable, Sendable {
  static let liveCount = Atomic(0)
  let version: Int
  let greeting: String
  let maximumBytes: Int
  let upstream: Upstream

  init(version: Int, upstream: Upstream) {
    self.version = version
    greeting = "hello from version \(version)"
    maximumBytes = version * 1000
    self.upstream = upstream
    Self.liveCount.wrappingAdd(1, ordering: .relaxed)
  }

  deinit { Self.liveCount.wrappingSubtract(1, ordering: .relaxed) }
}

/// The server: requests read, reloads replace.
final class Server: Sendable {
  private let configuration: RCU.Pointer<Configuration>
  private let isStopping = Atomic(false)
  let served = Atomic(0)
  let failed = Atomic(0)

  init(upstream: Upstream) {
    configuration = RCU.Pointer(Configuration(version: 1, upstream: upstream))
  }

  /// What a request copies out of the section.
  private struct Limits {
    let version: Int
    let maximumBytes: Int
    let isGood: Bool
  }

  /// One request. There is no `await` inside the section: it would not compile.
  private func serve() async {
    let limits = RCU.withReadSection { section -> Limits in
      guard let current = configuration.load(in: section) else {
        return Limits(version: 0, maximumBytes: 0, isGood: false)
      }
      let version = current.value.version
      let isWhole = current.value.greeting == "hello from version \(version)"
      return Limits(
        version: version, maximumBytes: current.value.maximumBytes,
        isGood: isWhole && current.value.upstream.use())
    }
    // The rest of the request may suspend; it has a copy of what it needs.
    await Task.yield()
    let isGood = limits.isGood && limits.maximumBytes == limits.version * 1000
    if isGood {
      served.wrappingAdd(1, ordering: .relaxed)
    } else {
      failed.wrappingAdd(1, ordering: .relaxed)
    }
  }

  func serveUntilStopped() async {
    while !isStopping.load(ordering: .relaxed) { await serve() }
  }

  /// Replaces the configuration; returns when nobody uses the old one.
  func reload(version: Int, upstream: Upstream, closing old: Upstream) async {
    configuration.store(Configuration(version: version, upstream: upstream))
    await RCU.synchronize()
    // Every section that could see the old configuration has ended.
    old.close()
  }

  /// Ends the server, when all its tasks have ended.
  func stop() { isStopping.store(true, ordering: .relaxed) }

  func clear() { configuration.clear() }
}

@main
struct ConfigReload {
  static let taskCount = 8
  static let reloadCount = 200
  static let requestsPerReload = 20

  static func main() async {
    let first = Upstream()
    let server = Server(upstream: first)
    let last = await withTaskGroup(of: Void.self, returning: Upstream.self) { group in
      for _ in 0..<taskCount { group.addTask { await server.serveUntilStopped() } }
      var upstream = first
      for version in 2...reloadCount + 1 {
        // Some requests are served with each version.
        let target = server.served.load(ordering: .relaxed) + requestsPerReload
        while server.served.load(ordering: .relaxed) < target, !hasFailed(server) {
          await Task.yield()
        }
        let next = Upstream()
        await server.reload(version: version, upstream: next, closing: upstream)
        upstream = next
        if version.isMultiple(of: 50) { report(version, server) }
      }
      server.stop()
      return upstream
    }
    print("\(reloadCount) reloads, \(server.served.load(ordering: .relaxed)) requests")
    check(!hasFailed(server), "no request met a mixed configuration or a closed upstream")
    await RCU.barrier()
    check(Configuration.liveCount.load(ordering: .relaxed) == 1, "one configuration is left")
    check(Upstream.openCount.load(ordering: .relaxed) == 1, "one upstream is open")
    server.clear()
    await RCU.synchronize()
    last.close()
    await RCU.barrier()
    check(Configuration.liveCount.load(ordering: .relaxed) == 0, "none at the end")
    check(Upstream.openCount.load(ordering: .relaxed) == 0, "all are closed")
  }

  static func hasFailed(_ server: Server) -> Bool { server.failed.load(ordering: .relaxed) > 0 }

  static func report(_ version: Int, _ server: Server) {
    let live = Configuration.liveCount.load(ordering: .relaxed)
    let served = server.served.load(ordering: .relaxed)
    print("version \(version): \(served) requests served, \(live) configurations exist")
  }

  /// Says what holds, or ends the program.
  static func check(_ condition: Bool, _ claim: String) {
    print(condition ? "ok: \(claim)" : "FAILED: \(claim)")
    guard condition else { exit(1) }
  }
}
