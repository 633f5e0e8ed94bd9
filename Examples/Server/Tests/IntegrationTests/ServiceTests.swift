// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Logging
import MetricsTestKit
import ProcessMaps
import ReadCopyUpdate
import ServiceLifecycle
import Synchronization
import Testing

@Suite struct ServiceTests {
  private func withGroup(
    _ services: [any Service], _ body: (ServiceGroup) async throws -> Void
  ) async throws {
    let group = ServiceGroup(services: services, logger: LogRecorder().logger)
    async let run: Void = group.run()
    try await body(group)
    await group.triggerGracefulShutdown()
    try await run
  }

  @Test func gracefulShutdownEndsAll() async throws {
    let maps = MapsService()
    let mirror = try ProcessMirror.ofSelf()
    let end = Mutex<RCUShutdown?>(nil)
    let services: [any Service] = [
      RCUService { outcome in end.withLock { $0 = outcome } }, maps, mirror,
      MapsMetrics(maps, factory: TestMetrics()),
    ]
    try await withGroup(services) { _ in
      try maps.attach(mirror.pid!)
      let before = mirror.statistics.refreshCount
      while mirror.statistics.refreshCount == before {
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    #expect(end.withLock { $0?.isComplete } == true)
  }

  /// What was retired last is destroyed before the group has ended.
  @Test func nothingIsLeft() async throws {
    final class Canary: Sendable {
      static let count = Atomic(0)
      init() { Self.count.add(1, ordering: .relaxed) }
      deinit { Self.count.subtract(1, ordering: .relaxed) }
    }
    typealias Domain = RCUDomain<MemoryBarrierFlavor>
    let pointer = Domain.Pointer(Canary())
    try await withGroup([RCUService(Domain.self)]) { _ in
      for _ in 0..<100 { pointer.store(Canary()) }
    }
    #expect(Canary.count.load(ordering: .relaxed) == 1)
  }
}
