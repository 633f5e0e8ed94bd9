// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import SystemPackage

extension ProcessMirror {
  /// Calls `body`, which refreshes the copy, then counts what it did, and tells of what happened.
  func withReading(
    _ body: (inout MirrorReading) throws(Errno) -> MirrorRefresh
  ) throws(Errno) -> MirrorRefresh {
    var events: [MirrorEvent.Kind] = []
    defer { for event in events { tell(event) } }
    let refresh = try reading.withLock { (reading) throws(Errno) in
      defer {
        events = reading.events
        if !events.isEmpty { reading.events = [] }
      }
      return try body(&reading)
    }
    count(refresh)
    return refresh
  }

  func count(_ refresh: MirrorRefresh) {
    counters.count(refresh)
    observer.counters?.count(refresh)
  }

  func tell(_ event: MirrorEvent.Kind) {
    if event == .recordsLost {
      counters.countLostRecords()
      observer.counters?.countLostRecords()
    }
    observer.onEvent(MirrorEvent(pid: pid, kind: event))
  }

  /// Takes what the source has reported.
  func takeRecords(_ reading: inout MirrorReading) {
    guard let records else { return }
    records.take(into: &reading.dirty)
    if reading.dirty.isIncomplete {
      reading.dirty.isIncomplete = false
      reading.events.append(.recordsLost)
    }
  }
}
