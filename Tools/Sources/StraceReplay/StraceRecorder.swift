// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import VirtualMemory

/// Records the memory system calls of a program and of all processes that it starts, and their maps
/// when a program starts in them and when they end.
///
/// `strace` does the tracing. At the moments whose maps are wanted it holds the process up: it
/// sends SIGSTOP to whoever calls `execve`, which arrives before the new program's first
/// instruction, and lasts until the map has been read; and it delays `exit_group`. That a map has
/// been read in time is checked; if one has not, everything is recorded again with a longer delay.
public struct StraceRecorder: Sendable {
  /// What can go wrong.
  public enum Failure: Error, Sendable, Hashable, CustomStringConvertible {
    /// `strace` can't be run, or may not trace.
    case unavailable(String)
    /// A map could not be read in time, whatever the delay.
    case missedMap(threadID: Int32)
    /// The program didn't end in time. All its processes have been killed.
    case timeLimit

    public var description: String {
      switch self {
      case .unavailable(let reason): "strace can't be used: \(reason)"
      case .missedMap(let threadID):
        "the map of process \(threadID) could not be read while it was held up"
      case .timeLimit: "the program didn't end in time; it has been killed"
      }
    }
  }

  /// The calls that are traced.
  public static var calls: String {
    "memory,process,prctl,open,openat,openat2,creat,memfd_create,close"
  }

  /// How long `exit_group` is delayed at first.
  public var delay: Duration = .milliseconds(500)
  /// How often the delay is made four times longer when it was too short.
  public var maximumRepetitions = 3
  /// How long the program may run.
  public var timeLimit: Duration = .seconds(120)
  /// Whether the program writes to the caller's standard output and errors.
  public var sharesOutput = false
  /// Whether page faults are recorded too, where the kernel lets the caller (`CAP_PERFMON`).
  public var recordsFaults = true

  public init() {}

  /// Why programs can't be recorded here; `nil` if they can.
  public static func reasonUnavailable() -> String? {
    guard let output = TemporaryFile() else { return "no temporary file" }
    let command = [
      "strace", "-f", "-y", "-o", "/dev/null", "-e", "trace=execve,exit_group",
      "-e", "inject=exit_group:delay_enter=1", "/bin/sh", "-c", ":",
    ]
    guard var child = ChildProcess(command, .file(output.descriptor)) else {
      return "it is not installed"
    }
    let status = child.wait()
    if status == 0 { return nil }
    let errors = String(decoding: FileStatus.contents(output.path), as: UTF8.self)
    return errors.split(separator: "\n").first.map(String.init) ?? "it ended with \(status)"
  }

  /// Runs `command`, a path and arguments, and records it. Blocks until it has ended.
  ///
  /// - Throws: ``Failure``.
  public func record(_ command: [String]) throws(Failure) -> StraceRecording {
    if let reason = Self.reasonUnavailable() { throw .unavailable(reason) }
    var delay = delay
    for _ in 0..<maximumRepetitions {
      do throws(Failure) {
        return try recordOnce(command, delay)
      } catch {
        guard case .missedMap = error else { throw error }
        delay *= 4
      }
    }
    return try recordOnce(command, delay)
  }

  private func recordOnce(
    _ command: [String], _ delay: Duration
  ) throws(Failure) -> StraceRecording {
    guard let file = TemporaryFile() else { throw .unavailable("no temporary file") }
    let time = delay.components
    let microseconds = time.seconds * 1_000_000 + time.attoseconds / 1_000_000_000_000
    let tracing = [
      "strace", "-f", "-y", "-ttt", "-o", file.path, "-e", "trace=" + Self.calls,
      // Names of memory are not shortened.
      "-s", "128",
      "-e", "inject=execve,execveat:signal=SIGSTOP",
      "-e", "inject=exit_group:delay_enter=\(microseconds)", "--",
      // The first program is not held up: this one, which becomes the one that is wanted.
      "/bin/sh", "-c", "exec \"$0\" \"$@\"",
    ]
    var recorder = recordsFaults ? FaultRecorder() : nil
    guard var child = ChildProcess(tracing + command, sharesOutput ? .shared : .discarded) else {
      throw .unavailable("it can't be started")
    }
    var follower = TraceFollower(file.descriptor)
    do throws(Failure) {
      try follow(&child, &follower, &recorder)
    } catch {
      follower.killAll()
      kill(child.processID, SIGKILL)
      _ = child.wait()
      throw error
    }
    return StraceRecording(
      trace: follower.text, maps: follower.maps, faults: follower.faults(of: recorder),
      hasProtectionKeys: AddressSpaceConfiguration.current.hasProtectionKeys
    ).withoutShell()
  }

  /// Reads the trace as it grows, until `strace` has ended.
  private func follow(
    _ child: inout ChildProcess, _ follower: inout TraceFollower, _ recorder: inout FaultRecorder?
  ) throws(Failure) {
    let clock = ContinuousClock()
    let deadline = clock.now + timeLimit
    while true {
      // In this order: what was written before the end is read.
      let hasEnded = child.statusIfEnded() != nil
      recorder?.take()
      if try follower.readOn() { continue }
      if hasEnded { return }
      guard clock.now < deadline else { throw .timeLimit }
      usleep(Self.pauseMicroseconds)
    }
  }

  private static var pauseMicroseconds: UInt32 { 1000 }
}

/// Reads a trace while it is being written, and the maps of the processes that are held up.
private struct TraceFollower {
  private(set) var text: [UInt8] = []
  private(set) var maps: [StraceMap] = []
  private let descriptor: Int32
  private var lineStart = 0
  /// The line that starts there, from 1.
  private var lineNumber = 1
  /// Whether the line that has begun and not ended has been dealt with.
  private var isLineDone = false
  /// Threads that have not ended.
  private var threads: Set<Int32> = []
  private var allThreads: Set<Int32> = []

  /// - Parameter descriptor: the open trace, at its start.
  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// - Returns: whether there was something to read.
  mutating func readOn() throws(StraceRecorder.Failure) -> Bool {
    let chunk = FileStatus.readChunk(descriptor)
    if chunk.isEmpty {
      // strace writes a call's name and arguments before it makes it.
      if !isLineDone { isLineDone = try lookAt(text[lineStart...]) }
      return false
    }
    text += chunk
    while let end = text[lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
      if !isLineDone { _ = try lookAt(text[lineStart..<end]) }
      lineStart = end + 1
      lineNumber += 1
      isLineDone = false
    }
    return true
  }

  /// Reads the map that a line tells to be there to read.
  ///
  /// - Returns: whether the line was one of those.
  private mutating func lookAt(
    _ line: ArraySlice<UInt8>
  ) throws(StraceRecorder.Failure) -> Bool {
    var cursor = StraceCursor(Array(line), lineNumber: 0)
    guard let threadID = (try? cursor.threadID()) ?? nil else { return false }
    _ = cursor.takeTime()
    if cursor.skip("+++") {
      threads.remove(threadID)
      return true
    }
    threads.insert(threadID)
    allThreads.insert(threadID)
    if cursor.skip("--- stopped by SIGSTOP") {
      // After an `execve` that failed it is the same program: its map isn't wanted, but no harm.
      if Self.call(of: threadID) == Self.execveReturned {
        let map = FileStatus.contents("/proc/\(threadID)/maps")
        maps.append(StraceMap(threadID: threadID, moment: .start, line: lineNumber, text: map))
      }
      kill(threadID, SIGCONT)
      return true
    }
    guard cursor.skip("exit_group(") else { return false }
    let map = FileStatus.contents("/proc/\(threadID)/maps")
    // Whatever was read: it was in time if the thread is in the call still.
    guard !map.isEmpty, Self.call(of: threadID).hasPrefix("231 ") else {
      throw .missedMap(threadID: threadID)
    }
    maps.append(StraceMap(threadID: threadID, moment: .end, line: lineNumber, text: map))
    return true
  }

  /// A thread that is stopped in `execve`, with the registers of a new program.
  private static var execveReturned: String { "59 0x0 0x0 0x0 0x0 0x0 0x0" }

  /// The call that a thread is in, with its arguments.
  private static func call(of threadID: Int32) -> String {
    let text = FileStatus.contents("/proc/\(threadID)/syscall")
    return String(decoding: text, as: UTF8.self).split(separator: " ").prefix(7)
      .joined(separator: " ")
  }

  /// The faults of the traced threads; `nil` if they are not all known.
  func faults(of recorder: borrowing FaultRecorder?) -> [StraceFault]? {
    switch recorder {
    case .some(let recorder) where !recorder.hasLost:
      recorder.faults.filter { allThreads.contains($0.threadID) }
    default: nil
    }
  }

  /// Ends the threads that are left.
  func killAll() {
    for thread in threads { kill(thread, SIGKILL) }
  }
}

extension StraceRecording {
  /// The recording from where the shell that started the program has become it.
  fileprivate func withoutShell() -> StraceRecording {
    guard let first = maps.first, let line = first.line else { return self }
    let lines = trace.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let mark = " execve(".utf8
    guard
      let start = lines[..<line].lastIndex(where: { text in
        text.indices.contains { text[$0...].starts(with: mark) }
      })
    else { return self }
    var result = self
    result.trace = Array(lines[start...].joined(separator: [UInt8(ascii: "\n")]))
    for index in maps.indices { result.maps[index].line? -= start }
    return result
  }
}
