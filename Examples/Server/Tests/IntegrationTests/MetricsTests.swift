// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MetricsTestKit
import ProcessMaps
import ReadCopyUpdate
import Testing
import VirtualMemory

@Suite struct MetricsTests {
  @Test func domains() throws {
    typealias Domain = RCUDomain<MembarrierFlavor>
    let system = TestMetrics()
    let metrics = RCUMetrics(Domain.self, factory: system)
    let dimensions = [("domain", "memb")]
    let pointer = Domain.Pointer(0)
    for value in 0..<10 { pointer.store(value) }
    Domain.barrier()
    metrics.report()
    let executed = try system.expectCounter("rcu_executed_total", dimensions)
    let first = executed.totalValue
    #expect(first == Domain.statistics.executedCount && first >= 10)
    metrics.report()
    #expect(executed.totalValue == first, "nothing is counted twice")
    for value in 0..<5 { pointer.store(value) }
    Domain.barrier()
    metrics.report()
    #expect(executed.totalValue == Domain.statistics.executedCount)
    #expect(try system.expectCounter("rcu_grace_periods_total", dimensions).totalValue > 0)
    #expect(try system.expectGauge("rcu_pending_count", dimensions).lastValue == 0)
    let latency = dimensions + [("quantile", "0.99")]
    #expect(try system.expectGauge("rcu_grace_period_seconds", latency).lastValue ?? 0 > 0)
  }

  @Test func sleepableDomains() throws {
    let system = TestMetrics()
    let domain = SleepableRCU()
    let metrics = RCUMetrics(domain, named: "configuration", factory: system)
    metrics.report()
    let dimensions = [("domain", "configuration")]
    #expect(try system.expectGauge("rcu_pending_count", dimensions).lastValue == 0)
  }

  @Test func services() throws {
    let system = TestMetrics()
    let service = MapsService()
    let metrics = MapsMetrics(service, factory: system)
    try service.create(7).map(length: AddressSpace.pageSize)
    let mirror = try service.attach(ProcessMirror.ofSelf().pid!)
    metrics.report()
    #expect(try system.expectGauge("maps_processes").lastValue == 2)
    #expect(try system.expectGauge("maps_mirrors").lastValue == 1)
    #expect(try system.expectGauge("maps_mappings").lastValue == Double(mirror.space.count + 1))
    #expect(try system.expectGauge("maps_oldest_answer_seconds").lastValue ?? 0 > 0)
    #expect(try system.expectCounter("maps_refreshes_total").totalValue == 1)
    try mirror.refresh()
    try service.detach(mirror.pid!)
    metrics.report()
    #expect(try system.expectCounter("maps_refreshes_total").totalValue == 2)
    #expect(try system.expectGauge("maps_mirrors").lastValue == 0)
  }

  @Test func runsEndWithTheirTask() async throws {
    let system = TestMetrics()
    let metrics = RCUMetrics(RCU.self, factory: system)
    let run = Task { await metrics.run(every: .milliseconds(1)) }
    while try system.expectGauge("rcu_pending_count", [("domain", "bp")]).values.count < 3 {
      try await Task.sleep(for: .milliseconds(1))
    }
    run.cancel()
    await run.value
  }
}
