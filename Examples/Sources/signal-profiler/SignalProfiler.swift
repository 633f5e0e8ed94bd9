// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: a signal handler that looks addresses up in a mirror of the program's own maps
// while another thread changes these and refreshes the mirror. A lock would deadlock as soon as the
// handler interrupts its holder: here the writer itself is sampled too, in the midst of its
// changes. The handler reads under RCU, on prepared threads. It takes no lock and allocates
// nothing.
//
// What it leaves out: functions and stacks. It tells which mapping a sample fell into, and that
// mapping by its start.

import CProfiling
import Foundation
import ProcessMaps
import Synchronization
import VirtualMemory

/// Samples by the start of their mapping: a hash table of fixed size that handlers may add to.
struct Profile: ~Copyable, @unchecked Sendable {
  // Sendable: all access is atomic.
  private static let slotCount = 1024
  private let starts: UnsafeMutablePointer<Atomic<UInt64>>
  private let counts: UnsafeMutablePointer<Atomic<Int>>
  let sampleCount = Atomic(0)
  /// Addresses that no mapping covered.
  let unknownCount = Atomic(0)

  init() {
    starts = .allocate(capacity: Self.slotCount)
    counts = .allocate(capacity: Self.slotCount)
    for index in 0..<Self.slotCount {
      (starts + index).initialize(to: Atomic(0))
      (counts + index).initialize(to: Atomic(0))
    }
  }

  deinit {
    starts.deallocate()
    counts.deallocate()
  }

  func add(_ mapping: QueryResult?) {
    sampleCount.wrappingAdd(1, ordering: .relaxed)
    guard let mapping, let slot = slot(of: mapping.start) else {
      unknownCount.wrappingAdd(1, ordering: .relaxed)
      return
    }
    counts[slot].wrappingAdd(1, ordering: .relaxed)
  }

  /// The slot of `start`, taken if there is none; `nil` if all are taken.
  private func slot(of start: UInt64) -> Int? {
    let first = Int(truncatingIfNeeded: start >> 12)
    for step in 0..<Self.slotCount {
      let slot = (first &+ step) & (Self.slotCount - 1)
      let (isTaken, found) = starts[slot].compareExchange(
        expected: 0, desired: start, ordering: .relaxed)
      if isTaken || found == start { return slot }
    }
    return nil
  }

  var all: [(start: UInt64, count: Int)] {
    (0..<Self.slotCount).compactMap { slot in
      let start = starts[slot].load(ordering: .relaxed)
      return start == 0 ? nil : (start, counts[slot].load(ordering: .relaxed))
    }.sorted { $0.count > $1.count }
  }
}

/// The program's maps, and what samples fell into. Made before the first signal.
private enum Profiler {
  static let profile = Profile()
  static let changeCount = Atomic(0)
  static let isDone = Atomic(false)
  static let mirror: ProcessMirror = {
    do {
      return try ProcessMirror.ofSelf()
    } catch {
      fail("the maps can't be read: \(error)")
    }
  }()

  /// In the handler.
  static func sample(_ address: UInt64) { profile.add(mirror.lookup(address).vma) }

  /// Not in `main`: its closures belong to the main actor, and the handler runs anywhere.
  static func startTimer() -> Int32 { profiling_start(1000) { Profiler.sample($0) } }

  /// Runs `body` again and again on a thread that takes samples.
  static func start(_ body: @escaping @Sendable () -> Void) -> DispatchSemaphore {
    let finished = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      ProcessMirror.prepareThread()
      profiling_admit(true)
      while !isDone.load(ordering: .relaxed) { body() }
      profiling_admit(false)
      finished.signal()
    }
    return finished
  }

  /// Maps and unmaps a page: a new version of the mirror each time.
  static func changeMaps() {
    let bytes = Int(AddressSpace.pageSize)
    // No access: no neighbour that it would be merged with.
    let page = mmap(nil, bytes, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let page, page != MAP_FAILED else { fail("mmap failed, errno \(errno)") }
    do {
      try mirror.refresh()
      munmap(page, bytes)
      try mirror.refresh()
      changeCount.wrappingAdd(2, ordering: .relaxed)
    } catch {
      fail("the mirror can't be refreshed: \(error)")
    }
  }
}

@main
struct SignalProfiler {
  static let minimumSamples = 200
  static let maximumSeconds = 60.0

  static func main() {
    profiling_admit(false)
    ProcessMirror.prepareThread()
    // What the handler needs is there before the first signal.
    Profiler.profile.add(nil)
    let before = (
      Profiler.profile.sampleCount.load(ordering: .relaxed), Profiler.mirror.space.generation
    )
    let error = Profiler.startTimer()
    guard error == 0 else { fail("no profiling timer, errno \(error)") }
    let threads = [
      Profiler.start { spin() },
      Profiler.start { sortNumbers() },
      Profiler.start { Profiler.changeMaps() },
    ]
    let deadline = Date(timeIntervalSinceNow: maximumSeconds)
    let samplesEnough = before.0 + minimumSamples
    while Profiler.profile.sampleCount.load(ordering: .relaxed) < samplesEnough, Date() < deadline {
      usleep(10_000)
    }
    profiling_stop()
    Profiler.isDone.store(true, ordering: .relaxed)
    for thread in threads { thread.wait() }
    report(samplesBefore: before.0, changes: Profiler.mirror.space.generation - before.1)
  }

  /// Work in the program's own code.
  static func spin() {
    var state: UInt64 = 88_172_645_463_325_252
    for _ in 0..<100_000 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
    }
    if state == 0 { print("never") }
  }

  /// Work in the C library's.
  static func sortNumbers() {
    var numbers = (0..<20_000).map { ($0 &* 7919) & 0xffff }
    qsort(&numbers, numbers.count, MemoryLayout<Int>.stride) { left, right in
      let (left, right) = (left!.load(as: Int.self), right!.load(as: Int.self))
      return left < right ? -1 : left > right ? 1 : 0
    }
  }

  static func report(samplesBefore: Int, changes: UInt64) {
    let profile = Profiler.profile.all
    let total = Profiler.profile.sampleCount.load(ordering: .relaxed) - samplesBefore
    let unknown = Profiler.profile.unknownCount.load(ordering: .relaxed) - samplesBefore
    print("\(total) samples while the maps changed \(changes) times")
    print("samples  share  mapping")
    var isOwnSeen = false
    for (start, count) in profile {
      let name = (try? Profiler.mirror.space.namedQuery(start).name) ?? []
      let text = name.isEmpty ? "anonymous" : String(decoding: name, as: UTF8.self)
      isOwnSeen = isOwnSeen || text.hasSuffix("/signal-profiler")
      print(String(format: "%7d  %4.1f%%  ", count, Double(count) * 100 / Double(total)) + text)
    }
    guard total >= minimumSamples else { fail("only \(total) samples in \(maximumSeconds) s") }
    guard unknown == 0 else { fail("\(unknown) samples fell into no mapping") }
    guard changes > 0, profile.reduce(0, { $0 + $1.count }) == total else {
      fail("samples or changes are missing")
    }
    guard isOwnSeen, profile.count > 1 else { fail("what ran is not what was sampled") }
  }
}

func fail(_ message: String) -> Never {
  print("signal-profiler: \(message)")
  exit(1)
}
