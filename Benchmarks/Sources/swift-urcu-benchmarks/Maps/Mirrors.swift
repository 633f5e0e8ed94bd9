// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Dispatch
import Foundation
import ProcessMaps
import ReadCopyUpdate
import Synchronization
import VirtualMemory

/// What mirrors of live processes cost, and what they save.
enum Mirrors {
  static let lookupTitle = "Look-ups in a mirror of this process"
  static let refreshTitle = "Refreshes of a mirror, 10,000 VMAs"
  static let watchedTitle = "A watched process maps and unmaps a page"
  static let latencyTitle = "From mmap's return to the answer of the mirror"
  static let manyTitle = "Many processes, 100 VMAs each, polled"

  // MARK: Look-ups

  static func lookups(_ effort: Effort) throws -> Group {
    let kernel = "kernel, PROCMAP_QUERY"
    let mirror = try ProcessMirror.ofSelf()
    let maps = try KernelMaps()
    var objects = mapper_objects()
    mapper_list_objects(&objects)
    let addresses = withUnsafeBytes(of: &objects.addresses) {
      Array($0.bindMemory(to: UInt64.self).prefix(objects.count))
    }
    var subjects = [
      Subject.loop(kernel, meaning: "of an address in a library", effort: effort) { count in
        var query = ProcMapQuery()
        var sum: UInt64 = 0
        for index in 0..<count {
          query.queryAddress = addresses[index % addresses.count]
          try maps.query(&query)
          sum &+= query.vmaStart
        }
        return Int(truncatingIfNeeded: sum)
      },
      Subject.loop(
        "mirror, verifiedLookup", against: kernel, meaning: "the same, compared", effort: effort
      ) { count in
        var sum: UInt64 = 0
        for index in 0..<count {
          sum &+= try mirror.verifiedLookup(addresses[index % addresses.count]).vma?.start ?? 0
        }
        return Int(truncatingIfNeeded: sum)
      },
      Subject.loop(
        "mirror, lookup", against: kernel, meaning: "the same, with its age", effort: effort
      ) { count in
        var sum: UInt64 = 0
        for index in 0..<count {
          sum &+= mirror.lookup(addresses[index % addresses.count]).vma?.start ?? 0
        }
        return Int(truncatingIfNeeded: sum)
      },
    ]
    let service = MapsService()
    let pid = try service.attach(ProcessInfo.processInfo.processIdentifier).pid!
    subjects.append(
      .loop(
        "service, lookup", against: kernel, meaning: "the same, by pid", effort: effort
      ) { count in
        var sum: UInt64 = 0
        for index in 0..<count {
          sum &+= try service.lookup(addresses[index % addresses.count], in: pid).vma?.start ?? 0
        }
        return Int(truncatingIfNeeded: sum)
      })
    if mapper_finds_objects() {
      subjects.append(
        .loop(
          "glibc, _dl_find_object", against: kernel, meaning: "own libraries only", effort: effort
        ) { count in
          Int(mapper_find_objects(addresses, addresses.count, count))
        })
    }
    return Group(title: lookupTitle, subjects: subjects)
  }

  // MARK: Refreshes

  static func refreshes(_ effort: Effort) throws -> Group {
    let reading = "kernel, reading the text"
    let child = WatchedChild(vmaCount: effort.scaled(10_000))
    let maps = try KernelMaps(pid: child.pid)
    let polled = try ProcessMirror(pid: child.pid, configuration: configuration(.polling))
    var subjects = [
      Subject.loop(reading, meaning: "64 KiB at a time", effort: effort) { count in
        var sum = 0
        for _ in 0..<count { sum += try maps.text().count }
        return sum
      },
      Subject.loop(
        "refresh, nothing changed", against: reading, meaning: "one reading, compared",
        effort: effort
      ) { count in
        var sum = 0
        for _ in 0..<count { sum += try polled.refresh().readingCount }
        return sum
      },
      Subject.loop(
        "refresh, one page changed", against: reading, meaning: "two readings", effort: effort,
        iteration: 2
      ) { count in
        var sum = 0
        for _ in 0..<count {
          child.map()
          sum += try polled.refresh().readingCount
          child.unmap()
          sum += try polled.refresh().readingCount
        }
        return sum
      },
    ]
    for source in [MirrorSource.mappings, .systemCalls] {
      guard let mirror = try mirror(of: child, source) else { continue }
      let rounds = effort.isQuick ? 10 : 100
      subjects.append(
        Subject(
          metrics: [
            Metric(
              name: "refreshChanges, told of \(source)", meaning: "after one mmap", unit: "ns",
              baseline: reading)
          ]
        ) {
          var (times, readings) = ([UInt64](), 0)
          for _ in 0..<rounds {
            child.map()
            let start = baselines_now()
            readings += try mirror.refreshChanges().readingCount
            times.append(baselines_now() - start)
            child.unmap()
            try mirror.refresh()
          }
          Sink.take(readings)
          return [Double(times.sorted()[rounds / 2])]
        })
    }
    return Group(title: refreshTitle, subjects: subjects)
  }

  // MARK: The watched process

  static func watched(_ effort: Effort) throws -> Group {
    let iterations: UInt64 = effort.isQuick ? 100 : 20_000
    var subjects: [Subject] = []
    for writes in [false, true] {
      let what = writes ? ", written to" : ""
      let alone = "nobody watches\(what)"
      let child = WatchedChild(vmaCount: 100)
      subjects.append(
        Subject(
          metrics: [
            Metric(
              name: alone, meaning: "mmap and munmap of a page\(what)", unit: "ns", baseline: alone)
          ]
        ) { [Double(mapper_pairs(child.mapper, iterations, writes))] })
      for source in MirrorSource.allCases {
        let child = WatchedChild(vmaCount: 100)
        guard let mirror = try mirror(of: child, source) else { continue }
        subjects.append(
          Subject(
            metrics: [
              Metric(
                name: "\(source)\(what)", meaning: "the same, while its mirror runs", unit: "ns",
                baseline: alone)
            ]
          ) {
            let run = BackgroundRun { try await mirror.run() }
            defer { run.end() }
            return [Double(mapper_pairs(child.mapper, iterations, writes))]
          })
      }
    }
    return Group(title: watchedTitle, subjects: subjects)
  }

  // MARK: Latency

  static func latency(_ effort: Effort) throws -> Group {
    let reading = "kernel, PROCMAP_QUERY in a loop"
    let rounds = effort.isQuick ? 5 : 200
    func subject(
      _ name: String, _ meaning: String, _ child: WatchedChild, run: @escaping () -> BackgroundRun?,
      isMapped: @escaping () throws -> Bool
    ) -> Subject {
      Subject(
        metrics: [
          Metric(name: "\(name), p50", meaning: meaning, unit: "ns", baseline: "\(reading), p50"),
          Metric(name: "\(name), p99", meaning: meaning, unit: "ns", baseline: "\(reading), p99"),
        ]
      ) {
        let running = run()
        defer { running?.end() }
        var latencies: [Double] = []
        for _ in 0..<rounds {
          baselines_pause(3_000_000)
          mapper_tell(child.mapper, true)
          while try !isMapped() {}
          let seen = baselines_now()
          let mapped = mapper_result(child.mapper)
          latencies.append(Double(seen > mapped ? seen - mapped : 1))
          mapper_tell(child.mapper, false)
          _ = mapper_result(child.mapper)
          while try isMapped() {}
        }
        latencies.sort()
        return [latencies[rounds / 2], latencies[rounds * 99 / 100]]
      }
    }
    let child = WatchedChild(vmaCount: 100)
    let maps = try KernelMaps(pid: child.pid)
    var subjects = [
      subject(reading, "the kernel is asked again and again", child, run: { nil }) {
        try maps.query(child.window) != nil
      }
    ]
    for source in MirrorSource.allCases {
      let child = WatchedChild(vmaCount: 100)
      guard let mirror = try mirror(of: child, source) else { continue }
      let interval = source == .systemCalls ? "" : "; unmapping by readings each 10 ms"
      subjects.append(
        subject(
          "\(source)", "the mirror runs\(interval)", child,
          run: { BackgroundRun { try await mirror.run() } }
        ) { mirror.lookup(child.window).vma != nil })
    }
    return Group(title: latencyTitle, subjects: subjects, maximumRounds: 5)
  }

  // MARK: Many

  static func many(_ effort: Effort) throws -> Group {
    let count = effort.isQuick ? 20 : 1_000
    let seconds = effort.isQuick ? 1 : 4
    let children = (0..<count).map { _ in WatchedChild(vmaCount: 60) }
    let before = baselines_allocated_bytes()
    let service = MapsService(mirrors: configuration(.polling, interval: .seconds(1)))
    let files = try children.map { try OpenMaps($0.pid) }
    for child in children { try service.attach(child.pid) }
    let bytes = Double(baselines_allocated_bytes() - before) / Double(count)
    let reading = "kernel, reading the texts"
    let fields = "fields in arrays"
    let second = "per process, second and 100 VMAs"
    // The children have this program's mappings, too.
    let vmas = try children.reduce(0) { try $0 + service.totals(of: $1.pid).count }
    let scale = 100 / Double(vmas)
    return Group(
      title: manyTitle,
      subjects: [
        Subject(
          metrics: [
            Metric(name: reading, meaning: second, unit: "ns", baseline: reading),
            Metric(name: fields, meaning: "six words per VMA", unit: "bytes", baseline: fields),
          ]
        ) {
          let start = mapper_processor_time()
          var vmaCount = 0
          for file in files { vmaCount += try file.maps.text().count / 80 }
          Sink.take(vmaCount)
          // They end with their objects.
          withExtendedLifetime(children) {}
          return [
            Double(mapper_processor_time() - start) * scale,
            Double(vmas * 48) / Double(count),
          ]
        },
        Subject(
          metrics: [
            Metric(
              name: "service, processor time", meaning: "\(second), one reading a second",
              unit: "ns", baseline: reading),
            Metric(
              name: "service, memory", meaning: "allocated per process", unit: "bytes",
              baseline: fields),
          ]
        ) {
          let run = BackgroundRun { try await service.run() }
          // All were read when they were attached to; the first round is at once.
          baselines_pause(500_000_000)
          let start = mapper_processor_time()
          for _ in 0..<seconds * 4 { baselines_pause(250_000_000) }
          let time = mapper_processor_time() - start
          run.end()
          return [Double(time) * scale / Double(seconds), bytes]
        },
      ], maximumRounds: 3)
  }

  // MARK: What they are made of

  private static func configuration(
    _ source: MirrorSource, interval: Duration = .milliseconds(10)
  ) -> MirrorConfiguration {
    var configuration = MirrorConfiguration()
    configuration.sources = [source]
    configuration.interval = interval
    return configuration
  }

  /// `nil` where this machine doesn't have the source; the table then lacks its rows, and a line
  /// says so.
  private static func mirror(
    of child: WatchedChild, _ source: MirrorSource
  ) throws -> ProcessMirror? {
    let interval: Duration = source == .systemCalls ? .seconds(3600) : .milliseconds(10)
    let mirror = try ProcessMirror(
      pid: child.pid, configuration: configuration(source, interval: interval))
    guard mirror.source == source else {
      print("left out: a mirror told of \(mirror.unavailableSources[0])")
      return nil
    }
    return mirror
  }
}

/// A child that maps and unmaps.
private final class WatchedChild {
  let mapper: OpaquePointer
  var pid: Int32 { mapper_pid(mapper) }
  var window: UInt64 { mapper_window() }

  init(vmaCount: Int) { mapper = mapper_start(vmaCount) }
  deinit { mapper_end(mapper) }

  func map() {
    mapper_tell(mapper, true)
    _ = mapper_result(mapper)
  }

  func unmap() {
    mapper_tell(mapper, false)
    _ = mapper_result(mapper)
  }
}

/// An open file of maps, among others.
private final class OpenMaps {
  let maps: KernelMaps
  init(_ pid: Int32) throws { maps = try KernelMaps(pid: pid) }
}

/// Runs a mirror or a service in the background.
private final class BackgroundRun {
  private let task: Task<Void, Never>
  private let done = DispatchSemaphore(value: 0)

  init(_ run: @escaping @Sendable () async throws -> Void) {
    let done = done
    task = Task.detached {
      try? await run()
      done.signal()
    }
  }

  func end() {
    task.cancel()
    done.wait()
  }
}
