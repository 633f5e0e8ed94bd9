// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ArgumentParser
import Foundation
import ProcessMaps
import Synchronization
import SystemPackage
import VirtualMemory

/// The processes of a run on the kernel: started by `KernelRace`, not by people.
private protocol KernelRole: ParsableCommand {
  var arguments: String { get }
}

extension KernelRole {
  var decoded: KernelRoleArguments {
    get throws {
      guard
        let value = try? JSONDecoder().decode(
          KernelRoleArguments.self, from: Data(arguments.utf8))
      else { throw ValidationError("This subcommand is for maps-race itself.") }
      return value
    }
  }

  func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
  }
}

/// Maps and unmaps real pages, and measures.
struct KernelMapper: KernelRole {
  static let configuration = CommandConfiguration(
    commandName: "kernel-mapper", shouldDisplay: false)
  @Argument var arguments: String

  func run() throws {
    let arguments = try decoded
    let settings = arguments.settings
    let filler = Self.mapFiller(count: arguments.fillerCount)
    let guarded = Self.reserve(bytes: Int(RaceRegion.bytes) + 2 * 4096)
    let region = UInt64(UInt(bitPattern: guarded)) + 4096
    munmap(guarded + 4096, Int(RaceRegion.bytes))
    RaceRegion.prefill { offset, maps in Self.apply(region + offset, maps) }

    let target = KernelTarget(
      pid: getpid(), region: region, filler: UInt64(UInt(bitPattern: filler)),
      fillerCount: arguments.fillerCount)
    say(String(decoding: try JSONEncoder().encode(target), as: UTF8.self))
    _ = readLine()

    Scheduling.pinMapper(settings)
    var operations = RaceRegion(seed: 7)
    var outcome = RunOutcome()
    let start = Scheduling.now()
    let end = start + UInt64(settings.secondsPerRun * 1e9)
    repeat {
      let (offset, maps) = operations.next()
      let before = Scheduling.now()
      Self.apply(region + offset, maps)
      outcome.latencies.record(Scheduling.now() - before)
      if settings.hasPause { usleep(UInt32(RaceSettings.pauseMicroseconds)) }
    } while Scheduling.now() < end
    outcome.seconds = Double(Scheduling.now() - start) / 1e9
    say(String(decoding: try JSONEncoder().encode(outcome), as: UTF8.self))
    // Readers still read these maps: stay until they are done.
    _ = readLine()
  }

  private static func apply(_ address: UInt64, _ maps: Bool) {
    let pointer = UnsafeMutableRawPointer(bitPattern: UInt(address))
    if maps {
      let result = mmap(
        pointer, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
      guard result == pointer else { fail("mmap failed: \(Errno(rawValue: errno))", code: 71) }
    } else {
      guard munmap(pointer, 4096) == 0 else {
        fail("munmap failed: \(Errno(rawValue: errno))", code: 71)
      }
    }
  }

  private static func reserve(bytes: Int) -> UnsafeMutableRawPointer {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE)
    guard let base = mmap(nil, bytes, PROT_NONE, flags, -1, 0), base != MAP_FAILED else {
      fail("mmap failed: \(Errno(rawValue: errno))", code: 71)
    }
    return base
  }

  /// Single pages that can't merge, so that this process has as many mappings as the one that was
  /// loaded.
  private static func mapFiller(count: Int) -> UnsafeMutableRawPointer {
    let base = reserve(bytes: max(count, 1) * 4096)
    for page in stride(from: 0, to: count, by: 2) {
      mprotect(base + page * 4096, 4096, PROT_READ)
    }
    return base
  }
}

/// Dumps the mapper's maps until it is told to stop.
struct KernelScanner: KernelRole {
  static let configuration = CommandConfiguration(
    commandName: "kernel-scanner", shouldDisplay: false)
  @Argument var arguments: String

  func run() throws {
    let arguments = try decoded
    guard let target = arguments.target else { throw ValidationError("No target.") }
    let settings = arguments.settings
    let stop = StopOnLine(say: say)
    if settings.hasBusyTasks {
      _ = RaceThread {
        Scheduling.pinOther(arguments.index, settings)
        Scheduling.runBusyTask(seed: UInt64(arguments.index)) { stop.done }
      }
    }
    Scheduling.pinOther(arguments.index, settings)
    Scheduling.lowerPriority()
    let maps = try KernelMaps(pid: target.pid)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: settings.dumpsWhole ? 4 << 20 : 4096, alignment: 4096)
    var checker = DumpChecker(always: target.always)
    var count = 0
    do {
      while try Self.dump(maps, buffer, &checker, until: { stop.done }) { count += 1 }
      say(String(count))
    } catch let violation as DumpViolation {
      say("\(violation.rule)\t\(violation.before)\t\(violation.after)")
    }
  }

  /// Dumps once. False: it was told to stop.
  private static func dump(
    _ maps: borrowing KernelMaps, _ buffer: UnsafeMutableRawBufferPointer,
    _ checker: inout DumpChecker, until isDone: () -> Bool
  ) throws -> Bool {
    try maps.rewind()
    var count = try maps.read(into: buffer)
    while count > 0 {
      if isDone() { return false }
      let chunk = UnsafeRawBufferPointer(rebasing: buffer[0..<count])
      try checker.check(Span(_unsafeBytes: chunk))
      count = try maps.read(into: buffer)
    }
    try checker.finish()
    return !isDone()
  }
}

/// Queries the mapper's region until it is told to stop.
struct KernelQuerier: KernelRole {
  static let configuration = CommandConfiguration(
    commandName: "kernel-querier", shouldDisplay: false)
  @Argument var arguments: String

  func run() throws {
    let arguments = try decoded
    guard let target = arguments.target else { throw ValidationError("No target.") }
    let stop = StopOnLine(say: say)
    Scheduling.pinOther(arguments.index, arguments.settings)
    Scheduling.lowerPriority()
    let maps = try KernelMaps(pid: target.pid)
    var operations = RaceRegion(seed: UInt64(1000 + arguments.index))
    var count = 0
    repeat {
      if try Self.query(maps, target.region + operations.next().offset) {
        count += 1
      } else {
        usleep(1000)
      }
    } while !stop.done
    say(String(count))
  }

  /// One query. False: a kernel before 6.11, which has none.
  private static func query(_ maps: borrowing KernelMaps, _ address: UInt64) throws -> Bool {
    var query = ProcMapQuery()
    query.queryAddress = address
    query.queryFlags = QueryFlags.coveringOrNext.rawValue
    do {
      try maps.query(&query)
      return true
    } catch {
      if error == .inappropriateIOCTLForDevice { return false }
      throw error
    }
  }
}

/// Says that the process is ready, waits for the first line of the input, and sets a flag at the
/// second.
private final class StopOnLine: Sendable {
  private let isDone = Atomic(false)
  var done: Bool { isDone.load(ordering: .relaxed) }

  init(say: (String) -> Void) {
    say("ready")
    _ = readLine()
    _ = RaceThread {
      _ = readLine()
      self.isDone.store(true, ordering: .relaxed)
    }
  }
}
