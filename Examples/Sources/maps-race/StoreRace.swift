// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import Synchronization
import SystemPackage
import VirtualMemory

/// One run on an `AddressSpace`: threads of this process.
struct StoreRace {
  let settings: RaceSettings
  let strategy: Strategy
  let text: [UInt8]

  /// What the threads share.
  private final class Shared: Sendable {
    let isDone = Atomic(false)
    let dumpCount = Atomic(0)
    let queryCount = Atomic(0)
    let violation = Mutex<DumpViolation?>(nil)

    /// Relaxed: a flag, nothing is ordered by it.
    var done: Bool { isDone.load(ordering: .relaxed) }

    func report(_ found: DumpViolation) {
      violation.withLock { $0 = $0 ?? found }
      isDone.store(true, ordering: .relaxed)
    }
  }

  func run() throws -> RunOutcome {
    let space: AddressSpace
    do {
      var configuration = AddressSpaceConfiguration()
      configuration.lockPreference = settings.prefersReaders ? .readers : .writers
      space = try AddressSpace(procMaps: text, configuration: configuration)
    } catch {
      fail("the maps don't make an address space: \(error)", code: 65)
    }
    let always = try ProcMapsParser.parse(text)
      .filter { $0.end <= space.configuration.taskSize }
      .map { $0.start..<$0.end }
    // One page more at each side stays mapped and belongs to what is always there.
    let page = AddressSpace.pageSize
    let guarded = try space.map(
      length: RaceRegion.bytes + 2 * page, protection: [], flags: .noReserve)
    let region = guarded.lowerBound + page
    let regionEnd = region + RaceRegion.bytes
    let guards = [guarded.lowerBound..<region, regionEnd..<guarded.upperBound]
    try space.unmap(region..<regionEnd)
    try RaceRegion.prefill { offset, maps in try Self.apply(space, region + offset, maps) }

    let shared = Shared()
    let checked = (always + guards).sorted { $0.lowerBound < $1.lowerBound }
    var threads: [RaceThread] = []
    for index in 0..<settings.scanners {
      threads.append(RaceThread { scan(space, shared, checked, index) })
      if settings.hasBusyTasks {
        threads.append(
          RaceThread {
            Scheduling.pinOther(index, settings)
            Scheduling.runBusyTask(seed: UInt64(index)) { shared.done }
          })
      }
    }
    for index in 0..<settings.queriers {
      threads.append(
        RaceThread { query(space, shared, region, settings.scanners + index) })
    }
    let latencies = Mutex(LatencyHistogram())
    let mapper = RaceThread {
      let measured = measure(space, shared, region)
      latencies.withLock { $0 = measured }
    }
    let start = Scheduling.now()
    let end = start + UInt64(settings.secondsPerRun * 1e9)
    while Scheduling.now() < end && !shared.done { usleep(10_000) }
    shared.isDone.store(true, ordering: .relaxed)
    let seconds = Double(Scheduling.now() - start) / 1e9
    mapper.join()
    for thread in threads { thread.join() }
    if let violation = shared.violation.withLock({ $0 }) { throw violation }

    var outcome = RunOutcome()
    outcome.latencies = latencies.withLock { $0 }
    outcome.seconds = seconds
    outcome.dumpCount = shared.dumpCount.load(ordering: .relaxed)
    outcome.queryCount = shared.queryCount.load(ordering: .relaxed)
    outcome.retryCount = space.speculationStatistics.retryCount
    outcome.fallbackCount = space.speculationStatistics.fallbackCount
    return outcome
  }

  private static func apply(
    _ space: AddressSpace, _ address: UInt64, _ maps: Bool
  ) throws(Errno) {
    if maps {
      try space.map(length: AddressSpace.pageSize, at: .fixed(address))
    } else {
      try space.unmap(address..<address + AddressSpace.pageSize)
    }
  }

  private func measure(
    _ space: AddressSpace, _ shared: Shared, _ region: UInt64
  ) -> LatencyHistogram {
    Scheduling.pinMapper(settings)
    var operations = RaceRegion(seed: 7)
    var latencies = LatencyHistogram()
    repeat {
      let (offset, maps) = operations.next()
      let before = Scheduling.now()
      do {
        try Self.apply(space, region + offset, maps)
      } catch {
        fail("the mapper failed at 0x\(String(region + offset, radix: 16)): \(error)", code: 70)
      }
      latencies.record(Scheduling.now() - before)
      if settings.hasPause { usleep(UInt32(RaceSettings.pauseMicroseconds)) }
    } while !shared.done
    return latencies
  }

  private func scan(
    _ space: AddressSpace, _ shared: Shared, _ always: [Range<UInt64>], _ index: Int
  ) {
    Scheduling.pinOther(index, settings)
    Scheduling.lowerPriority()
    guard let strategy = strategy.reading else { return }
    var scanner = StoreScanner(space, strategy, dumpsWhole: settings.dumpsWhole)
    var checker = DumpChecker(always: always)
    do throws(DumpViolation) {
      while try scanner.dump(&checker, until: { shared.done }) {
        shared.dumpCount.add(1, ordering: .relaxed)
      }
    } catch {
      shared.report(error)
    }
  }

  private func query(
    _ space: AddressSpace, _ shared: Shared, _ region: UInt64, _ index: Int
  ) {
    Scheduling.pinOther(index, settings)
    Scheduling.lowerPriority()
    guard let strategy = strategy.reading else { return }
    var operations = RaceRegion(seed: UInt64(1000 + index))
    repeat {
      // Counted in batches, so that the count doesn't cost more than the queries.
      for _ in 0..<64 {
        let address = region + operations.next().offset
        do {
          let found = try space.query(address, matching: .coveringOrNext, by: strategy)
          if found.end <= address {
            shared.report(
              DumpViolation(
                rule: "a query found what ends below its address",
                before: String(address, radix: 16), after: "\(found)"))
          }
        } catch {
          shared.report(
            DumpViolation(
              rule: "a query below the guard page found nothing",
              before: String(address, radix: 16), after: "\(error)"))
        }
      }
      shared.queryCount.add(64, ordering: .relaxed)
    } while !shared.done
  }
}

/// Dumps an address space again and again, and checks what it gets.
private struct StoreScanner: ~Copyable {
  let space: AddressSpace
  let strategy: ReadingStrategy
  let dumpsWhole: Bool
  var reader: MapsReader
  var buffer = MapsBuffer()

  init(_ space: AddressSpace, _ strategy: ReadingStrategy, dumpsWhole: Bool) {
    self.space = space
    self.strategy = strategy
    self.dumpsWhole = dumpsWhole
    reader = MapsReader(space, strategy: strategy)
  }

  /// Dumps once. False: it was told to stop.
  mutating func dump(
    _ checker: inout DumpChecker, until isDone: () -> Bool
  ) throws(DumpViolation) -> Bool {
    if dumpsWhole {
      space.dump(into: &buffer, by: strategy)
      try checker.check(buffer.bytes)
    } else {
      reader.rewind()
      while try checkNextChunk(&checker) {
        if isDone() { return false }
      }
    }
    try checker.finish()
    return !isDone()
  }

  /// False at the end of the text.
  private mutating func checkNextChunk(
    _ checker: inout DumpChecker
  ) throws(DumpViolation) -> Bool {
    let checked: Void? = try reader.withNextChunk { (chunk) throws(DumpViolation) in
      try checker.check(chunk)
    }
    return checked != nil
  }
}

/// A thread that can be joined.
final class RaceThread: Sendable {
  private let finished = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () -> Void) {
    let finished = finished
    let thread = Thread {
      body()
      finished.signal()
    }
    thread.stackSize = 1 << 20
    thread.start()
  }

  func join() { finished.wait() }
}
