// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

// What is retired by what the runner destroys: chains of pointees that own one another, containers
// in pointees. One grace period for each link would be a million for a long chain, with readers as
// long as they read; and to destroy each within the one before would need a million stack frames.
//
// - A pointer that lies in the memory of the pointee that is destroyed goes with it. A reader can
//   only have come to it by a reference to that pointee, hence in a section that the pointee's own
//   grace period has waited for: what it owned is destroyed at once, after the pointee.
// - Another pointer, such as one in an object that the pointee refers to, may have been reached in
//   other ways. What it owned may be used by whoever is in a section now. All that one step has
//   retired is destroyed by the next step if those leave soon, which a few looks tell; else it
//   waits for a grace period, with what others retire.

/// Retirements that came of others: whoever waits for those waits for these.
final class Lineage {
  /// The first serial of the batch that they came of.
  let origin: UInt64
  /// What waits for a grace period. Touched by the runner only.
  var queue = RetirementQueue()

  init(origin: UInt64) { self.origin = origin }
}

/// What has been retired by what runs. The runner's own: nobody else looks at it.
struct NestedRetirements: ~Copyable {
  /// From within the memory of what is destroyed.
  var owned = RetirementQueue()
  /// From elsewhere.
  var others = RetirementQueue()
  /// The memory of what is destroyed now.
  var running: Range<UInt> = 0..<0

  mutating func append(_ retirement: consuming _Retirement, owner: UInt) {
    if running.contains(owner) {
      owned.append(retirement)
    } else {
      others.append(retirement)
    }
  }
}

/// What the runner carries along while it runs a batch.
struct BatchRun: ~Copyable {
  var spent = RecycledBlocks()
  /// Retirements without a serial that have run and are still counted as pending, and their bytes.
  var nestedCount = 0
  var nestedBytes: Int128 = 0

  /// How many may be.
  static var maximumNestedCount: Int { 256 }
}

extension _Reclaimer {
  /// Runs a batch whose grace period has passed, and what came of earlier ones.
  func runAll(_ batch: inout RetirementQueue, _ run: inout BatchRun) {
    let (earlier, own) = monitor.withLock { () -> ([Lineage], Lineage) in
      retiring.isRunning = true
      return (lineages, Lineage(origin: executedSerial + 1))
    }
    for lineage in earlier { runLineage(lineage, &run) }
    batch.removeAll { self.run($0, &run) }
    settle(own, &run)
    noteNested(&run)
    monitor.withLock {
      lineages.removeAll { $0.queue.isEmpty }
      if !own.queue.isEmpty { lineages.append(own) }
    }
  }

  /// Runs one, and what it owned in its own memory.
  private func run(_ retirement: consuming _Retirement, _ run: inout BatchRun) {
    runAlone(retirement, &run)
    while let owned = unsafe nested.pointee.owned.removeLast() {
      run.nestedCount += 1
      run.nestedBytes += Int128(owned.bytes)
      runAlone(owned, &run)
      if run.nestedCount >= BatchRun.maximumNestedCount { noteNested(&run) }
    }
  }

  private func runAlone(_ retirement: consuming _Retirement, _ run: inout BatchRun) {
    let bytes = retirement.bytes - retirement.additionalBytes
    unsafe nested.pointee.running = retirement.memory
    runningCallNumber.wrappingAdd(1, ordering: .relaxed)
    runningCall.store(retirement.function, ordering: .relaxed)
    let block = unsafe retirement.run()
    runningCall.store(0, ordering: .relaxed)
    unsafe nested.pointee.running = 0..<0
    if let block = unsafe block { unsafe run.spent.add(block, bytes: bytes) }
  }

  /// Runs what came of an earlier batch, and then what that has retired.
  private func runLineage(_ lineage: Lineage, _ run: inout BatchRun) {
    var step = RetirementQueue()
    swap(&step, &lineage.queue)
    run.nestedCount += step.count
    run.nestedBytes += step.bytes
    step.removeAll { self.run($0, &run) }
    settle(lineage, &run)
  }

  /// Runs what has been retired meanwhile, and what that retires, until nothing is left or a reader
  /// stays.
  private func settle(_ lineage: Lineage, _ run: inout BatchRun) {
    while unsafe !nested.pointee.others.isEmpty {
      noteNested(&run)
      var step = RetirementQueue()
      unsafe swap(&step, &nested.pointee.others)
      guard source.readersLeaveSoon() else {
        step.removeAll { lineage.queue.append($0) }
        return
      }
      run.nestedCount += step.count
      run.nestedBytes += step.bytes
      step.removeAll { self.run($0, &run) }
    }
  }

  private func noteNested(_ run: inout BatchRun) {
    guard run.nestedCount > 0 else { return }
    monitor.withLock {
      retiring.counters.executedCount += run.nestedCount
      retiring.counters.pendingCount -= run.nestedCount
      retiring.pendingBytes -= run.nestedBytes
      noteLimit()
    }
    run.nestedCount = 0
    run.nestedBytes = 0
  }
}
