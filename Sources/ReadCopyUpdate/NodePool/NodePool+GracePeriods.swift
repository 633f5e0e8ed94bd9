// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _RCUShims
internal import _SystemShims

// How batches pass through their grace periods.

extension NodePool {
  @usableFromInline
  @inline(never)
  mutating func maintain() {
    // One step with each update, since all of them take as long as three or four updates.
    if let list = passed.pop() {
      takeBack(list)
    } else if let started {
      self.started = nil
      letBatchesWait(started.cookie, started.scan)
    } else if batchClassCount == Self.retiredCount {
      startGracePeriod()
    } else if batchClassCount > 0 || batchedBytes >= startBytes {
      completeClass()
    } else if !waiting.isEmpty {
      takeBackPassed(Flavor._reclaimer.source.scanReaders())
    }
    if batchClassCount > 0 || !passed.isEmpty {
      nextMaintenanceBytes = 0
    } else if waiting.isEmpty {
      nextMaintenanceBytes = startBytes
    } else {
      nextMaintenanceBytes = min(batchedBytes + Self.pollBytes, startBytes)
    }
    noteLimbo()
  }

  /// For statistics and reports.
  //
  // A loop: closures in a pool's functions crash the optimiser of Swift 6.3.1.
  private mutating func noteLimbo() {
    var (since, stamp): (UInt64, UInt64) = (0, 0)
    for one in waiting where one.waitsSince > 0 && (since == 0 || one.waitsSince < since) {
      (since, stamp) = (one.waitsSince, one.cookie.stamp)
    }
    shared.limboBytes.store(limboBytes, ordering: .relaxed)
    shared.waitStamp.store(stamp, ordering: .relaxed)
    shared.waitsSince.store(since, ordering: .relaxed)
  }

  /// Moves the blocks of the next nonempty class into the batch, or into the batch of recent
  /// blocks.
  private mutating func completeClass() {
    var bytes = 0
    while batchClassCount < Self.retiredCount {
      let blocks = unsafe retired + batchClassCount
      if unsafe !blocks.pointee.isEmpty {
        if bytes > 0 { return }
        if TaggedBlock.isRecent(UInt(batchClassCount)) {
          bytes = unsafe blocks.pointee.take(into: &recentBatch.lists, &spare)
          recentBatch.bytes += bytes
        } else {
          bytes = unsafe blocks.pointee.take(into: &batch.lists, &spare)
          batch.bytes += bytes
        }
        batchedBytes -= bytes
      }
      batchClassCount += 1
    }
  }

  /// - Returns: the retired blocks that aren't recent, and those that are.
  private mutating func takeBatches() -> (Batch, recent: Batch) {
    while batchClassCount < Self.retiredCount { completeClass() }
    batchClassCount = 0
    let complete = (batch, recent: recentBatch)
    batch = Batch()
    recentBatch = Batch()
    return complete
  }

  /// Takes a cookie for the complete batches. If that isn't possible, or if too much waits already,
  /// hands them over to the reclaimer. Recent blocks aren't handed over: they soon pass, while the
  /// reclaimer would wait for all readers.
  private mutating func startGracePeriod() {
    if limboBytes >= Self.maximumWaitingBytes {
      startBytes = Self.batchBytes
      guard recentBatch.bytes > 0 else { return handOverBatch() }
      if batch.bytes > 0 { handOver(batch) }
      batch = Batch()
    }
    var scan = ReaderScan()
    let cookie = Flavor._reclaimer.source.startGracePeriod(&scan)
    if cookie.stamp != 0 {
      started = (DatedCookie(cookie: cookie, transaction: transaction), scan)
    } else {
      startBytes = Self.batchBytes
      handOverBatch()
    }
  }

  /// Makes the complete batches wait for their grace period.
  private mutating func letBatchesWait(_ dated: DatedCookie, _ scan: ReaderScan) {
    if limboBytes >= Self.maximumWaitingBytes {
      startBytes = Self.batchBytes
    } else if dated.cookie.interruption <= Self.cheapInterruption {
      startBytes = max(startBytes / 2, Self.minimumStartBytes)
    } else {
      startBytes = min(startBytes * 2, Self.maximumStartBytes)
    }
    let (batch, recentBatch) = takeBatches()
    let bornAfter = cutOff.ofRetired
    // Judged by what is waiting already.
    let isMuchWaiting = recentLimboBytes(scan) > Self.maximumRecentBytes
    cutOff.choose(dated, scan, isMuchWaiting: isMuchWaiting)
    recentTransaction = cutOff.transaction
    if batch.bytes > 0 { letWait(batch, dated.cookie) }
    if recentBatch.bytes > 0 {
      waiting.append(
        WaitingBatch(bornAfter: bornAfter, cookie: dated.cookie, batch: recentBatch))
    }
    takeBackPassed(scan)
  }

  /// Makes a batch wait that isn't recent, together with the previous one if both are small:
  /// otherwise a snapshot reader that stays inside would soon lead to hundreds of batches. Large
  /// ones aren't combined, since the older one would then wait longer.
  private mutating func letWait(_ batch: Batch, _ cookie: GracePeriodCookie) {
    if let index = waiting.lastIndex(where: { $0.bornAfter == nil }),
      waiting[index].batch.bytes + batch.bytes <= Self.minimumStartBytes
    {
      waiting[index].batch.lists.append(batch.lists)
      waiting[index].batch.bytes += batch.bytes
      waiting[index].cookie = cookie
    } else {
      waiting.append(WaitingBatch(bornAfter: nil, cookie: cookie, batch: batch))
    }
  }

  /// The bytes that still wait, but not for all readers.
  private func recentLimboBytes(_ scan: ReaderScan) -> Int {
    waiting.reduce(0) { bytes, one in
      one.bornAfter == nil || one.hasPassed(scan) ? bytes : bytes + one.batch.bytes
    }
  }

  /// Takes back the batches that no reader can see any more.
  private mutating func takeBackPassed(_ scan: ReaderScan) {
    var index = 0
    while index < waiting.count {
      if waiting[index].hasPassed(scan) {
        takeBack(waiting.remove(at: index).batch)
      } else {
        index += 1
      }
    }
    if waiting.isEmpty { return }
    let now = sysshims_now()
    let waitsForLong = { [patienceNanoseconds] (one: WaitingBatch) in
      one.waitsSince > 0 && now - one.waitsSince > patienceNanoseconds
    }
    if let oldest = waiting.firstIndex(where: { $0.bornAfter == nil && waitsForLong($0) }) {
      handOver(waiting.remove(at: oldest).batch)
    } else if waiting.contains(where: waitsForLong) {
      // The reclaimer would wait for snapshot sections, too. The stall monitor reports the readers
      // that stay inside.
      Flavor._reclaimer.watchPools()
    }
    // The other batches came before these.
    index = waiting.count - 1
    while index >= 0 && waiting[index].waitsSince == 0 {
      waiting[index].waitsSince = now
      index -= 1
    }
  }

  /// Takes back a batch whose grace period has passed.
  mutating func takeBack(_ batch: Batch) {
    limboBytes -= batch.bytes
    passed.append(batch.lists)
    if !batch.kept.isEmpty { kept.append(batch.kept) }
  }

  mutating func takeBack(_ list: Bag) {
    unsafe (sizeClasses + list.sizeClass).pointee.takeBack(list)
  }

  /// Takes back what readers have left meanwhile: for an owner that waits.
  package mutating func scanAgain() {
    // Goes on until a batch in progress is dealt with, or the readers have been scanned.
    repeat { maintain() } while nextMaintenanceBytes == 0
    collect()
  }

  /// Hands everything that waits for a grace period over to the reclaimer.
  package mutating func flush() {
    for one in waiting { handOver(one.batch) }
    waiting = []
    handOverBatch()
    collect()
    noteLimbo()
  }

  private mutating func handOverBatch() {
    started = nil
    // Complete classes may have got further blocks since.
    batchClassCount = 0
    var (batch, recent) = takeBatches()
    batch.lists.append(recent.lists)
    batch.bytes += recent.bytes
    if batch.bytes > 0 { handOver(batch) }
  }

  private func handOver(_ batch: Batch) {
    let shared = self.shared
    // The domain counts these bytes, but the call doesn't wait here, under the owner's lock: this
    // pool has a limit of its own, and its owner waits outside of the lock.
    Flavor._reclaimer.retire(
      _Retirement(bytes: batch.bytes) { shared.giveBack(batch) }, mayWait: false)
  }
}
