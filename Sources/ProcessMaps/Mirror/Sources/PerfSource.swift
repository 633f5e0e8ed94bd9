// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import ReadCopyUpdate
internal import SystemPackage
internal import _SystemShims

/// How a mirror uses the kernel's perf events.
public struct PerfOptions: Sendable, Hashable, Codable {
  /// The pages of a ring of records, of which there is one for each processor; a power of two, and
  /// at least two are used. A ring that overflows costs one reading of the whole text. The memory
  /// counts against `perf_event_mlock_kb` and `RLIMIT_MEMLOCK`.
  public var ringPages = 8
  /// The most descriptors that one mirror may open: it takes up to six for each thread that the
  /// process has at the start and each processor.
  public var maximumDescriptorCount = 512
  /// Where system calls are reported; `nil`: as tracefs says, if it can be read.
  public var tracepoints: SystemCallTracepoints?

  /// The usual ones.
  public init() {}
}

/// The kernel's perf events of one process: what it maps, and what its system calls unmap.
///
/// Two rings for each processor, since a ring has one writer at a time. One has the records. The
/// other only rings a bell: its descriptor becomes readable at the first record, and it is paused
/// then, since waking somebody costs the process several times what a record does. While a process
/// is busy its records are looked for every now and then.
///
/// All threads that the process has are watched, and inherit that to those that they start.
@safe
final class PerfSource: ChangeRecords, @unchecked Sendable {
  // Sendable: immutable but for `reader`, `buffer` and `lastTake`, which one thread at a time uses
  // (`take`, `isComplete`).
  @safe
  private struct Ring {
    /// The event that writes into it.
    let event: Int32
    let memory: UnsafeMutableRawPointer
    let pages: Int

    static func make(_ event: Int32, pages: Int) throws(SourceError) -> Ring {
      guard let memory = unsafe sysshims_perf_map(event, pages) else {
        throw SourceError("\(pages) pages for the records", Errno(rawValue: sysshims_errno()))
      }
      return unsafe Ring(event: event, memory: memory, pages: pages)
    }
  }

  let source: MirrorSource
  private var rings: [Ring] = []
  private var bells: [Ring] = []
  private var events: [Int32] = []
  private var reader: PerfRecordReader
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)

  var descriptors: [Int32] { bells.map { $0.event } }

  /// What couldn't be opened, and why.
  struct SourceError: Error {
    let reason: String

    init(_ what: String, _ error: Errno) { reason = "\(what): \(error)" }
    init(reason: String) { self.reason = reason }
  }

  /// Begins to watch.
  ///
  /// - Parameters:
  ///   - folder: the process's, such as `/proc/42`.
  ///   - tracepoints: where system calls are reported; `nil` for mappings alone.
  init(
    pid: Int32, folder: FilePath, tracepoints: SystemCallTracepoints?, _ options: PerfOptions
  ) throws(SourceError) {
    source = tracepoints == nil ? .mappings : .systemCalls
    var requests = [(tracepoint: UInt64(0), isOfAllCalls: false)]
    var beginnings: Set<UInt64> = []
    if let all = tracepoints?.allCalls {
      requests += [(all.enter, true), (all.exit, true)]
      beginnings = [all.enter]
    } else {
      for pair in tracepoints?.singleCalls ?? [] {
        requests += [(pair.enter, false), (pair.exit, false)]
        beginnings.insert(pair.enter)
      }
    }
    reader = PerfRecordReader(pid: pid, beginnings: beginnings)
    // Threads that start meanwhile inherit what their starters have, or are found by the next look.
    var watched: Set<Int32> = []
    while true {
      let new = try Self.threads(folder).filter { watched.insert($0).inserted }
      if new.isEmpty { break }
      for thread in new {
        for processor in 0..<Int32(sysshims_processor_count()) {
          try watch(thread, processor, requests, options)
        }
      }
    }
    guard !rings.isEmpty else { throw SourceError(reason: "the process has no threads") }
  }

  deinit {
    for ring in rings + bells { unsafe sysshims_perf_unmap(ring.memory, ring.pages) }
    for event in events { close(event) }
    unsafe buffer.deallocate()
  }

  private func watch(
    _ thread: Int32, _ processor: Int32, _ requests: [(tracepoint: UInt64, isOfAllCalls: Bool)],
    _ options: PerfOptions
  ) throws(SourceError) {
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    // A record may be longer than one page. More than this is refused by the kernel.
    let ringPages = min(max(options.ringPages, 2), 1 << 20)
    for isBell in [false, true] {
      for (tracepoint, isOfAllCalls) in requests {
        var request = sysshims_perf_request()
        request.thread = thread
        request.processor = processor
        request.tracepoint = tracepoint
        request.is_of_all_calls = isOfAllCalls
        request.is_end = !reader.beginnings.contains(tracepoint)
        request.wakeup_bytes =
          isBell ? 1 : UInt32(clamping: ringPages * pageBytes / 2)
        let event = unsafe sysshims_perf_open(&request)
        if event < 0 {
          let error = Errno(rawValue: sysshims_errno())
          // The thread has ended; the processor is off.
          if error == .noSuchProcess || error == Errno(rawValue: ENODEV) { return }
          throw SourceError(tracepoint == 0 ? "perf events" : "perf tracepoints", error)
        }
        events.append(event)
        // The kernel gives the lowest free number: that many are in use.
        guard Int(event) < sysconf(Int32(_SC_OPEN_MAX)) / 2 else {
          throw SourceError(reason: "half of the descriptors that this program may open are in use")
        }
        guard events.count <= options.maximumDescriptorCount else {
          throw SourceError(
            reason: "more than \(options.maximumDescriptorCount) descriptors would be needed")
        }
        // One ring for each processor: that of the first event there.
        let known = (isBell ? bells : rings).first { ring in
          processors[ring.event] == processor
        }
        if let known {
          if sysshims_perf_redirect(event, known.event) != 0 {
            throw SourceError("perf events", Errno(rawValue: sysshims_errno()))
          }
        } else {
          processors[event] = processor
          let ring = try Ring.make(event, pages: isBell ? 1 : ringPages)
          if isBell { bells.append(ring) } else { rings.append(ring) }
        }
      }
    }
  }

  /// The processors of the events that have a ring.
  private var processors: [Int32: Int32] = [:]

  private static func threads(_ folder: FilePath) throws(SourceError) -> [Int32] {
    do throws(Errno) {
      return try ProcessFolder.numbers(in: folder.appending("task"))
    } catch {
      throw SourceError("the process's threads", error)
    }
  }

  // MARK: Records

  /// When the last `take` began.
  private var lastTake: UInt64 = 0

  var isComplete: Bool { source == .systemCalls && !reader.isAnyCallUnderWay }

  func take(into dirty: inout DirtyRanges) {
    defer { reader.forgetThreads(before: lastTake) }
    // What was recorded before the one before has been read by it.
    let now = sysshims_now()
    defer { lastTake = now }
    for ring in rings {
      while true {
        var hasLost = false
        let count = unsafe sysshims_perf_take(
          ring.memory, ring.pages, buffer.baseAddress!, buffer.count, &hasLost)
        unsafe reader.read(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &dirty)
        if hasLost { reader.forgetCalls(&dirty) }
        if count == 0 { break }
      }
    }
  }

  func arm() {
    for bell in bells {
      unsafe sysshims_perf_discard(bell.memory)
      _ = sysshims_perf_pause(bell.event, false)
    }
  }

  func disarm() {
    for bell in bells { _ = sysshims_perf_pause(bell.event, true) }
  }
}
