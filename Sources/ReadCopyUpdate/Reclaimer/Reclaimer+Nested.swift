// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

// What is retired by the destruction of something else: chains of pointees that own one another,
// and containers in pointees. With one grace period per link, a long chain would need a million of
// them, each as long as readers read. With recursion, it would need a million stack frames.
//
// - A pointer that lies in the memory of the pointee that is being destroyed is destroyed with it.
//   A reader can have reached that pointer only through a reference to the pointee, hence in a
//   section that the pointee's own grace period has waited for. So what the pointer owned is
//   destroyed at once, after the pointee.
// - A reader may have reached any other pointer, such as one in an object that the pointee refers
//   to, in other ways, and a section that is open now may use what it owned. All that has been
//   retired in one step is destroyed in the next step if the readers leave soon, which a few scans
//   show. If they don't, it waits for a grace period, together with what other threads retire.

/// Retirements that other retirements led to: a barrier that waits for those waits for these, too.
final class Lineage {
  /// The first serial of the batch that led to them.
  let origin: UInt64
  /// The retirements that wait for a grace period. Used only by the runner.
  var queue = RetirementQueue()

  init(origin: UInt64) { self.origin = origin }
}

/// What the running retirements have retired. Used only by the runner.
struct NestedRetirements: ~Copyable {
  /// Retired from within the memory of what is being destroyed.
  var owned = RetirementQueue()
  /// Retired from elsewhere.
  var others = RetirementQueue()
  /// What goes on in a later batch, so that others get their turn.
  var portions = RetirementQueue()
  /// The memory of what is being destroyed.
  var running: Range<UInt> = 0..<0

  mutating func append(_ retirement: consuming _Retirement, owner: UInt) {
    if running.contains(owner) {
      owned.append(retirement)
    } else {
      others.append(retirement)
    }
  }
}

/// What the runner keeps track of while it runs a batch.
struct BatchRun: ~Copyable {
  var spent = RecycledBlocks()
  /// The number and the bytes of retirements without a serial that have run but are still counted
  /// as pending.
  var nestedCount = 0
  var nestedBytes: Int128 = 0

  /// The largest number of such retirements.
  static var maximumNestedCount: Int { 256 }
}

extension _Reclaimer {
  /// Runs a batch whose grace period has passed, and what earlier batches have led to.
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

  /// Runs one retirement, and what it owned in its own memory.
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
    runningCall.begin(retirement.function)
    let block = unsafe retirement.run()
    runningCall.end()
    unsafe nested.pointee.running = 0..<0
    if let block = unsafe block { unsafe run.spent.add(block, bytes: bytes) }
  }

  /// Runs what an earlier batch has led to, and then what that has retired.
  private func runLineage(_ lineage: Lineage, _ run: inout BatchRun) {
    var step = RetirementQueue()
    swap(&step, &lineage.queue)
    run.nestedCount += step.count
    run.nestedBytes += step.bytes
    step.removeAll { self.run($0, &run) }
    settle(lineage, &run)
  }

  /// Runs what has been retired meanwhile, and what that retires in turn, until nothing is left or
  /// a reader stays inside.
  private func settle(_ lineage: Lineage, _ run: inout BatchRun) {
    defer {
      var portions = RetirementQueue()
      unsafe swap(&portions, &nested.pointee.portions)
      portions.removeAll { lineage.queue.append($0) }
    }
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

  /// In a retirement that is running: goes on with `action` in a later batch, after another grace
  /// period, as a part of the same retirement. Barriers wait for it, too.
  func continueLater(_ action: @escaping @Sendable () -> Void) {
    monitor.withLock { retiring.count(0) }
    unsafe nested.pointee.portions.append(_Retirement(bytes: 0, action: action))
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
