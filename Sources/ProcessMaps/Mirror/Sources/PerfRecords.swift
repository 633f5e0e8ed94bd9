// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import _SystemShims

/// Translates the records of the kernel's perf events into dirty ranges.
///
/// - Source: `perf_event_open(2)`, “The mmap layout”.
struct PerfRecordReader {
  /// A system call that has begun but not ended.
  private struct Call {
    var number: Int
    var time: UInt64
    var arguments: (UInt64, UInt64, UInt64, UInt64, UInt64)
  }

  /// The calls of one thread. A thread that changes processors has its records in several rings,
  /// which are read one after the other: the time tells what belongs together.
  private struct ThreadCalls {
    /// Those that have begun and haven't been seen to end: one, or some more until all rings have
    /// been read.
    var begun: [Call] = []
    /// When the last call ended, or the thread did.
    var lastEnd: UInt64 = 0
  }

  let pid: Int32
  /// The tracepoints where calls begin.
  let beginnings: Set<UInt64>
  private var threads: [Int32: ThreadCalls] = [:]
  /// Where the heap ended when it was told last, and when that was; `nil` if that isn't known.
  private var lastBreak: (end: UInt64, time: UInt64)?

  /// Whether a system call is under way that may have changed the map already: its end will tell.
  var isAnyCallUnderWay: Bool { threads.contains { !$0.value.begun.isEmpty } }

  init(pid: Int32, beginnings: Set<UInt64> = []) {
    self.pid = pid
    self.beginnings = beginnings
  }

  /// The values of `PERF_RECORD_*`.
  private enum Kind {
    static let lost: UInt32 = 2
    static let command: UInt32 = 3
    static let exit: UInt32 = 4
    static let fork: UInt32 = 7
    static let sample: UInt32 = 9
    static let mapping: UInt32 = 10
    static let lostSamples: UInt32 = 13
  }

  /// Reads whole records, which follow one another in `bytes`.
  mutating func read(_ bytes: UnsafeRawBufferPointer, into dirty: inout DirtyRanges) {
    var offset = 0
    while offset + 8 <= bytes.count {
      let size = unsafe Int(bytes.loadUnaligned(fromByteOffset: offset + 6, as: UInt16.self))
      guard size >= 8, offset + size <= bytes.count else { return dirty.insertAll() }
      unsafe readRecord(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]), &dirty)
      offset += size
    }
  }

  /// Records have been lost.
  mutating func forgetCalls(_ dirty: inout DirtyRanges) {
    lastBreak = nil
    threads.removeAll()
    dirty.insertAll()
    dirty.isIncomplete = true
  }

  /// Says that all records from before `time` have been read.
  mutating func forgetThreads(before time: UInt64) {
    guard !threads.isEmpty else { return }
    threads = threads.filter { !$0.value.begun.isEmpty || $0.value.lastEnd >= time }
  }

  private mutating func readRecord(_ record: UnsafeRawBufferPointer, _ dirty: inout DirtyRanges) {
    func word(_ offset: Int) -> UInt64 {
      guard offset + 8 <= record.count else { return 0 }
      return unsafe record.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
    func half(_ offset: Int) -> Int32 {
      guard offset + 4 <= record.count else { return 0 }
      return unsafe record.loadUnaligned(fromByteOffset: offset, as: Int32.self)
    }
    switch unsafe record.loadUnaligned(as: UInt32.self) {
    case Kind.lost, Kind.lostSamples:
      forgetCalls(&dirty)
    case Kind.mapping:
      // The fields: pid, tid, address, length …
      if half(8) == pid { dirty.insert(word(16), length: word(24)) }
    case Kind.command:
      let misc = unsafe record.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
      // PERF_RECORD_MISC_COMM_EXEC: another program.
      if misc & 1 << 13 != 0 && half(8) == pid {
        lastBreak = nil
        dirty.insertAll()
      }
    case Kind.exit:
      // … the thread at 16, the time at 24.
      threads[half(16)] = ThreadCalls(lastEnd: word(24))
      // The process's first thread: readers of the text will say.
      if half(8) == pid && half(16) == pid { dirty.insertAll() }
    case Kind.fork:
      // pid, the parent's pid, tid … A thread has its parent's pid. Records come twice, where a
      // thread's events and those that it inherited report.
      if half(12) == pid && half(8) != pid { dirty.insertForked(half(8)) }
    case Kind.sample:
      // The fields: pid, tid, time and the size of the raw data, which begins at 28. It starts with
      // 8 bytes that all tracepoints have, the first 2 of which are the tracepoint's number. Then
      // come the call's number, and its arguments or its result.
      guard half(8) == pid else { return }
      let thread = half(12)
      let time = word(16)
      let number = Int(half(36))
      let effect = sysshims_call_effect_of(number)
      guard effect != SYSSHIMS_CALL_EFFECT_NONE else { return }
      if effect == SYSSHIMS_CALL_EFFECT_FAILURE {
        dirty.insertAll()
      } else if beginnings.contains(UInt64(UInt16(truncatingIfNeeded: half(28)))) {
        let call = Call(
          number: number, time: time,
          arguments: (word(44), word(52), word(60), word(68), word(76)))
        if time >= threads[thread]?.lastEnd ?? 0 {
          threads[thread, default: ThreadCalls()].begun.append(call)
        }
      } else {
        finish(endedCall(of: thread, at: time), number, at: time, result: word(44), &dirty)
      }
    default:
      break
    }
  }

  /// The call of a thread that ended at `time`; `nil` if its beginning hasn't been read.
  private mutating func endedCall(of thread: Int32, at time: UInt64) -> Call? {
    var calls = threads[thread] ?? ThreadCalls()
    calls.lastEnd = max(calls.lastEnd, time)
    let call = calls.begun.filter { $0.time <= time }.max { $0.time < $1.time }
    calls.begun.removeAll { $0.time <= time }
    threads[thread] = calls
    return call
  }

  private mutating func finish(
    _ call: Call?, _ number: Int, at time: UInt64, result: UInt64, _ dirty: inout DirtyRanges
  ) {
    guard let call, call.number == number else {
      // It began before it was watched.
      lastBreak = nil
      return dirty.insertAll()
    }
    let arguments = call.arguments
    let hasFailed = result > UInt64(bitPattern: -4096)
    switch sysshims_call_effect_of(number) {
    case SYSSHIMS_CALL_EFFECT_NONE:
      break
    case SYSSHIMS_CALL_EFFECT_RANGE:
      // A call that failed may have done part of its work.
      dirty.insert(arguments.0, length: max(arguments.1, 1))
    case SYSSHIMS_CALL_EFFECT_REMAP:
      dirty.insert(arguments.0, length: max(arguments.1, 1))
      if !hasFailed {
        dirty.insert(result, length: max(arguments.2, arguments.1))
      } else if arguments.3 & 2 != 0 {
        // MREMAP_FIXED: what was at the target may be gone all the same.
        dirty.insert(arguments.4, length: max(arguments.2, 1))
      }
    case SYSSHIMS_CALL_EFFECT_BREAK:
      // From where the heap ended before to where it ends now, and the mappings that end or begin
      // there: the heap may be several.
      guard let last = lastBreak else {
        lastBreak = (result, time)
        return dirty.insertAll()
      }
      let start = min(last.end, result)
      dirty.insert(start &- 1, length: max(last.end, result) - start + 2)
      if time >= last.time { lastBreak = (result, time) }
    case SYSSHIMS_CALL_EFFECT_PRCTL:
      guard sysshims_prctl_names_range(arguments.0, arguments.1) else {
        // PR_SET_MM sets the heap's end.
        lastBreak = nil
        return dirty.insertAll()
      }
      dirty.insert(arguments.2, length: max(arguments.3, 1))
    default:
      dirty.insertAll()
    }
  }
}
