// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _RCUShims
internal import _SystemShims

// How batches come through their grace periods.

extension NodePool {
  @usableFromInline
  @inline(never)
  mutating func attend() {
    // One thing with each update: all of them take as long as three or four updates.
    if let list = passed.pop() {
      takeBack(list)
    } else if let started {
      self.started = nil
      letBatchesWait(started.watch, started.view)
    } else if batchClassCount == Self.retiredCount {
      startWatch()
    } else if batchClassCount > 0 || batchedBytes >= watchBytes {
      completeClass()
    } else if !watched.isEmpty {
      takeBackWatched(Flavor._lookAtReaders())
    }
    if batchClassCount > 0 || !passed.isEmpty {
      attentionBytes = 0
    } else if watched.isEmpty {
      attentionBytes = watchBytes
    } else {
      attentionBytes = min(batchedBytes + Self.pollBytes, watchBytes)
    }
  }

  /// Moves the blocks of the next class of which there are any into the batch, or into that of recent ones.
  private mutating func completeClass() {
    var bytes = 0
    while batchClassCount < Self.retiredCount {
      let blocks = unsafe retired + batchClassCount
      if unsafe !blocks.pointee.isEmpty {
        if bytes > 0 { return }
        if BlockWord.isRecent(UInt(batchClassCount)) {
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

  /// - Returns: what has been retired, and isn't recent, and what is.
  private mutating func takeBatches() -> (ReturnedBatch, recent: ReturnedBatch) {
    while batchClassCount < Self.retiredCount { completeClass() }
    batchClassCount = 0
    let complete = (batch, recent: recentBatch)
    batch = ReturnedBatch()
    recentBatch = ReturnedBatch()
    return complete
  }

  /// Begins to watch the readers, for the batches that are complete; or hands these over, if it can't, or if too
  /// much is watched already. But recent blocks soon pass, while the reclaimer would wait for all readers.
  private mutating func startWatch() {
    if limboBytes >= Self.watchedBytesMax {
      watchBytes = Self.batchBytes
      guard recentBatch.bytes > 0 else { return handOverBatch() }
      if batch.bytes > 0 { handOver(batch) }
      batch = ReturnedBatch()
    }
    let (watch, view) = Flavor._startWatch()
    if watch.look != 0 {
      started = (DatedWatch(watch: watch, era: era), view)
    } else {
      watchBytes = Self.batchBytes
      handOverBatch()
    }
  }

  /// Lets the batches that are complete wait for their grace period.
  private mutating func letBatchesWait(_ dated: DatedWatch, _ view: rcushims_view) {
    if limboBytes >= Self.watchedBytesMax {
      watchBytes = Self.batchBytes
    } else if dated.watch.interruption <= Self.cheapInterruption {
      watchBytes = max(watchBytes / 2, Self.watchBytesMin)
    } else {
      watchBytes = min(watchBytes * 2, Self.watchBytesMax)
    }
    let (batch, recentBatch) = takeBatches()
    let earlier =
      recentBefore.watch.number < recent.watch.number ? recentBefore.watch : recent.watch
    // By what has waited already.
    chooseRecent(dated, view)
    if batch.bytes > 0 { letWait(batch, dated.watch) }
    if recentBatch.bytes > 0 {
      watched.append(
        WatchedBatch(publishedSince: earlier, watch: dated.watch, batch: recentBatch))
    }
    takeBackWatched(view)
  }

  /// Lets a batch wait that isn't recent, with the one before if both are small: beside a sealed reader that
  /// stays there would soon be hundreds. Not if they aren't, since the other one waits longer for that.
  private mutating func letWait(_ batch: ReturnedBatch, _ watch: rcushims_watch) {
    if let index = watched.lastIndex(where: { $0.publishedSince == nil }),
      watched[index].batch.bytes + batch.bytes <= Self.watchBytesMin
    {
      watched[index].batch.lists.append(batch.lists)
      watched[index].batch.bytes += batch.bytes
      watched[index].watch = watch
    } else {
      watched.append(WatchedBatch(publishedSince: nil, watch: watch, batch: batch))
    }
  }

  /// Says which blocks are recent from now on: made after the watch `new`, unless there are sealed readers that
  /// have stayed from the last watch to this one; then after the first watch that came after them.
  ///
  /// As long as one of those stays that recent blocks don't wait for, it remains so: of what was recent for him,
  /// he would keep what is not any more. Others who come leave sooner, most likely. If they don't, and much waits
  /// for them, it is for them all the same.
  private mutating func chooseRecent(_ new: DatedWatch, _ view: rcushims_view) {
    let sealed = unsafe withUnsafePointer(to: view) {
      unsafe rcushims_sealed_since($0, last.watch.look)
    }
    let number = recent.watch.number
    recentBefore = recent
    if sealed.last == 0 {
      recent = new
    } else if number <= sealed.last
      && (sealed.first >= number || recentLimboBytes(view) > Self.recentBytesMax)
    {
      recent = last.watch.number > sealed.last ? last : new
    }
    last = new
    // Where nobody is sealed, what is in lists of its own would cost twice as many cache lines for nothing.
    recentEra = view.sealed_count > 0 ? recent.era : .max
  }

  /// What still waits, and not for all readers.
  private func recentLimboBytes(_ view: rcushims_view) -> Int {
    watched.reduce(0) { bytes, waiting in
      waiting.publishedSince == nil || waiting.hasPassed(view) ? bytes : bytes + waiting.batch.bytes
    }
  }

  /// Takes back the batches that all readers have left who may see their blocks.
  private mutating func takeBackWatched(_ view: rcushims_view) {
    var index = 0
    while index < watched.count {
      if watched[index].hasPassed(view) {
        takeBack(watched.remove(at: index).batch)
      } else {
        index += 1
      }
    }
    if watched.isEmpty { return }
    let now = sysshims_now()
    let waitsForLong = { [patienceNanoseconds] (waiting: WatchedBatch) in
      waiting.waitsSince > 0 && now - waiting.waitsSince > patienceNanoseconds
    }
    if let oldest = watched.firstIndex(where: { $0.publishedSince == nil && waitsForLong($0) }) {
      handOver(watched.remove(at: oldest).batch)
    } else if let oldest = watched.firstIndex(where: waitsForLong) {
      // With it the reclaimer would wait for the sealed ones, too. It waits without, and reports who stays.
      watched[oldest].waitsSince = now
      Flavor._reclaimer.retire(_Retirement(bytes: 0) {}, mayWait: false)
    }
    // The others came before these.
    index = watched.count - 1
    while index >= 0 && watched[index].waitsSince == 0 {
      watched[index].waitsSince = now
      index -= 1
    }
  }

  /// Its grace period has passed.
  mutating func takeBack(_ batch: ReturnedBatch) {
    limboBytes -= batch.bytes
    passed.append(batch.lists)
    if !batch.kept.isEmpty { kept.append(batch.kept) }
  }

  mutating func takeBack(_ list: BlockList) {
    unsafe (sizeClasses + list.sizeClass).pointee.takeBack(list)
  }

  /// Takes back what readers have left meanwhile: for an owner that waits.
  package mutating func lookAgain() {
    // What is to be done with a batch, to its end; or a look at the readers.
    repeat { attend() } while attentionBytes == 0
    collect()
  }

  /// Hands all that waits for a grace period to the reclaimer.
  package mutating func flush() {
    for waiting in watched { handOver(waiting.batch) }
    watched = []
    // Complete classes may have got more since.
    handOverBatch()
    handOverBatch()
    collect()
  }

  private mutating func handOverBatch() {
    started = nil
    var (batch, recent) = takeBatches()
    batch.lists.append(recent.lists)
    batch.bytes += recent.bytes
    if batch.bytes > 0 { handOver(batch) }
  }

  private func handOver(_ batch: ReturnedBatch) {
    let shared = self.shared
    // Counted by the domain, but never waiting for it here, within the owner's lock: this pool has a
    // bound of its own, and its owner waits outside.
    Flavor._reclaimer.retire(
      _Retirement(bytes: batch.bytes) { shared.giveBack(batch) }, mayWait: false)
  }
}
