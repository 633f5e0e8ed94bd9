// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SequenceLocks
internal import Synchronization

extension AddressSpace {
  /// Formats one chunk by `strategy`, in a single critical section unless speculation falls back to
  /// the lock.
  @inline(__always)
  func format(_ formatter: inout ChunkFormatter, _ strategy: ReadingStrategy) {
    switch strategy {
    case .snapshot:
      formatSnapshot(&formatter)
    case .locked:
      mapLock.withReadLock { formatter.append(currentVersion, labels) }
    case .speculative:
      formatSpeculatively(&formatter)
    }
  }

  /// Formats from one version.
  ///
  /// This is a function of its own, so that its machine code can be checked: it allocates nothing
  /// and counts no references.
  @inline(never)
  private func formatSnapshot(_ formatter: inout ChunkFormatter) {
    withSnapshotVersion { formatter.append($0, labels) }
  }

  /// Formats VMA by VMA, and validates each against the lock's counter.
  ///
  /// Takes the lock outside of read sections, since nothing may sleep in one.
  private func formatSpeculatively(_ formatter: inout ChunkFormatter) {
    var failures = 0
    while formatter.state == .open {
      RCU.withFencedReadSection { _ in
        while formatter.state == .open && failures < ReadingStrategy.maximumSpeculationAttempts {
          if speculateLines(&formatter) {
            failures = 0
          } else {
            failures += 1
          }
        }
      }
      if formatter.state == .open {
        formatOneLocked(&formatter)
        failures = 0
      }
    }
  }

  /// Formats VMAs as long as the counter doesn't change. Returns false if it changed before the
  /// first VMA was valid, or if a writer is inside.
  private func speculateLines(_ formatter: inout ChunkFormatter) -> Bool {
    guard let speculation = mapLock.beginSpeculation() else {
      speculationRetryCount.add(1, ordering: .relaxed)
      return false
    }
    let version = currentVersion
    var progress = false
    while formatter.state == .open {
      guard let (leaf, first) = version.tree.find(endingAfter: formatter.position) else {
        // There is nothing above the position: this is the end, if the version is still valid.
        guard mapLock.validate(speculation) else { return retry(progress) }
        formatter.generation = version.generation
        formatter.appendGate(version, labels)
        return true
      }
      for index in first..<leaf.count where formatter.state == .open {
        // Copy and validate the record before following what it refers to; pin that, and validate
        // again.
        let record = leaf.record(index)
        guard mapLock.validate(speculation) else { return retry(progress) }
        let object = labels.object(of: record, in: version)
        guard object.pin() else { return retry(progress) }
        let isValid = mapLock.validate(speculation)
        if isValid {
          formatter.generation = version.generation
          formatter.append(record, object)
        }
        object.release()
        guard isValid else { return retry(progress) }
        progress = true
      }
    }
    return true
  }

  /// Counts a disturbance. It isn't a failure if a VMA has been formatted before it.
  private func retry(_ progress: Bool) -> Bool {
    speculationRetryCount.add(1, ordering: .relaxed)
    return progress
  }

  /// Formats the next VMA under the read lock.
  private func formatOneLocked(_ formatter: inout ChunkFormatter) {
    speculationFallbackCount.add(1, ordering: .relaxed)
    mapLock.withReadLock {
      let version = currentVersion
      formatter.generation = version.generation
      if let record = version.tree.firstRecord(endingAfter: formatter.position) {
        formatter.append(record, labels.object(of: record, in: version))
      } else {
        formatter.appendGate(version, labels)
      }
    }
  }
}
