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
  /// The most descriptors that one mirror may open. For each processor and each thread that the
  /// process has at the start, it opens two, and four more for each pair of tracepoints: six in all
  /// with ``SystemCallTracepoints/allCalls``.
  public var maximumDescriptorCount = 512
  /// The tracepoints that report system calls; `nil` to look them up in tracefs, if it can be read.
  public var tracepoints: SystemCallTracepoints?

  /// Creates the default options.
  public init() {}
}

/// The kernel's perf events for one process: they report what it maps, and the system calls that
/// change its map in other ways.
///
/// There are two rings for each processor, since only one processor may write into a ring. The
/// first receives the records. The second is only a doorbell, called *bell* here: its descriptor
/// becomes readable at the first record. The bell is then paused, since a wake-up costs the process
/// several times as much as a record, and the loop polls for records while the process is busy.
///
/// Every thread that the process has at the start is watched. Threads that are started later
/// inherit that.
@safe
final class PerfSource: ChangeRecords, @unchecked Sendable {
  // Sendable: immutable but for `reader`, `buffer` and `lastTake`, which one thread at a time uses
  // (`take`, `isComplete`).
  @safe
  private struct Ring {
    /// The event to which the ring belongs.
    let event: Int32
    let memory: UnsafeMutableRawPointer
    let pages: Int

    static func make(_ event: Int32, pages: Int) throws(SourceError) -> Ring {
      guard let memory = unsafe sysshims_perf_map(event, pages) else {
        throw SourceError("mapping \(pages) pages for records", Errno(rawValue: sysshims_errno()))
      }
      return unsafe Ring(event: event, memory: memory, pages: pages)
    }
  }

  let source: MirrorSource
  /// Single calls leave some out, and those that fail.
  private let tellsOfAllCalls: Bool
  /// Whether a processor was offline at the start. When it comes online, nothing reports what the
  /// process does there.
  private var isProcessorOffline = false
  private var rings: [Ring] = []
  private var bells: [Ring] = []
  private var events: [Int32] = []
  /// Those of mappings that aren't bells: to ask a bell whether it hangs up takes its ringing.
  private var mappingEvents: [Int32] = []
  private var reader: PerfRecordReader
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 8)

  var descriptors: [Int32] { bells.map { $0.event } }

  /// What couldn't be opened, and why.
  struct SourceError: Error {
    let reason: String

    init(_ what: String, _ error: Errno) { reason = "\(what): \(error)" }
    init(reason: String) { self.reason = reason }
  }

  /// Starts to watch a process.
  ///
  /// - Parameters:
  ///   - folder: the folder of the process, such as `/proc/42`.
  ///   - tracepoints: the tracepoints that report system calls; `nil` to watch mappings only.
  /// - Throws: the first thing that couldn't be opened.
  init(
    pid: Int32, folder: FilePath, tracepoints: SystemCallTracepoints?, _ options: PerfOptions
  ) throws(SourceError) {
    source = tracepoints == nil ? .mappings : .systemCalls
    tellsOfAllCalls = tracepoints?.allCalls != nil
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
    // A thread that starts meanwhile inherits the events of the thread that starts it, or is found
    // in the next pass.
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
    guard !rings.isEmpty else {
      throw SourceError(reason: "no thread of the process could be watched")
    }
  }

  /// A forked process has none of the rings, and must leave the events alone.
  private let owner = getpid()
  private var isOurs: Bool { getpid() == owner }

  deinit {
    if isOurs {
      for ring in rings + bells { unsafe sysshims_perf_unmap(ring.memory, ring.pages) }
    }
    for event in events { close(event) }
    unsafe buffer.deallocate()
  }

  /// Opens the events for one thread on one processor.
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
          if error == Errno(rawValue: ENODEV) {
            isProcessorOffline = true
            return
          }
          // The thread has ended.
          if error == .noSuchProcess { return }
          throw SourceError(tracepoint == 0 ? "perf events" : "perf tracepoints", error)
        }
        events.append(event)
        if tracepoint == 0 && !isBell { mappingEvents.append(event) }
        // The kernel assigns the lowest free number, so at least this many are in use.
        guard Int(event) < sysconf(Int32(_SC_OPEN_MAX)) / 2 else {
          throw SourceError(reason: "half of the descriptors that this program may open are in use")
        }
        guard events.count <= options.maximumDescriptorCount else {
          throw SourceError(
            reason: "more than \(options.maximumDescriptorCount) descriptors would be needed")
        }
        // A processor's first event has the ring, and all others there write into it.
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

  /// The processor of each event that has a ring.
  private var processors: [Int32: Int32] = [:]

  /// The threads of the process in `folder`.
  private static func threads(_ folder: FilePath) throws(SourceError) -> [Int32] {
    // The kernel may end a list early, at a thread that ends while the list is read.
    for _ in 0..<10 {
      let threads: [Int32]
      do throws(Errno) {
        threads = try ProcessFolder.numbers(in: folder.appending("task"))
      } catch {
        throw SourceError("listing the process's threads", error)
      }
      if threads.count >= ProcessFolder.threadCount(of: folder) ?? 0 { return threads }
    }
    throw SourceError(reason: "the process's threads end faster than they can be listed")
  }

  // MARK: Records

  /// When the last `take` began.
  private var lastTake: UInt64 = 0

  var isComplete: Bool {
    tellsOfAllCalls && !isProcessorOffline && !reader.isAnyCallUnderWay && isAlive
  }

  /// The kernel ends the events of a process that begins a program with more rights than it has, or
  /// one that it may not read; and those of threads that end.
  var isAlive: Bool {
    isOurs
      && mappingEvents.contains { event in
        var request = pollfd(fd: event, events: 0, revents: 0)
        return unsafe poll(&request, 1, 0) >= 0 && request.revents & Int16(POLLHUP) == 0
      }
  }

  func take(into dirty: inout DirtyRanges) {
    guard isOurs else { return dirty.insertAll() }
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
    guard isOurs else { return }
    for bell in bells {
      unsafe sysshims_perf_discard(bell.memory)
      _ = sysshims_perf_pause(bell.event, false)
    }
  }

  func disarm() {
    guard isOurs else { return }
    for bell in bells { _ = sysshims_perf_pause(bell.event, true) }
  }
}
