// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import ProcessMaps
import TestSupport
import VirtualMemory

/// A forked child that maps and unmaps memory when it is told to, and else sleeps.
///
/// What it does it does by system calls alone: it is a copy of one thread of a process with many.
@safe
final class MappingChild: @unchecked Sendable {
  // Sendable: commands are sent by one thread at a time; the rest is constant.
  /// What the child does with the words that follow.
  enum Operation: UInt64 {
    /// `mmap(address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)`.
    case map
    /// `munmap(address, length)`.
    case unmap
    /// `mprotect(address, length, protection)`.
    case protect
    /// Random changes of a window, `address` and `length`, until the next command comes.
    case storm
    /// Begins another program: `sleep`.
    case execute
    /// Starts a thread, which sleeps.
    case startThread
    /// Forks a process, which sleeps and ends with its parent.
    case forkChild
    /// The system call `address` with the arguments `length`, `protection` and `more`.
    case systemCall
    /// Ends.
    case exit
  }

  private struct Command {
    var operation: UInt64
    var address: UInt64
    var length: UInt64
    var protection: UInt64
    var more: (UInt64, UInt64, UInt64) = (0, 0, 0)
  }

  let pid: pid_t
  private let commands: Int32
  private let results: Int32
  private var isReaped = false

  /// Addresses that nothing else uses: below where the kernel puts programs, and where
  /// ThreadSanitizer lets programs map.
  static var window: UInt64 { 0x5500_1000_0000 }

  /// The address of a name for anonymous memory, in each child too.
  static let name = unsafe UInt64(UInt(bitPattern: strdup("mirror")))

  init() {
    var (toChild, fromChild) = ([Int32](repeating: 0, count: 2), [Int32](repeating: 0, count: 2))
    let errors = unsafe (pipe(&toChild), pipe(&fromChild))
    precondition(errors == (0, 0), "MappingChild: no pipes")
    let (input, output) = (toChild[0], fromChild[1])
    // Not in the child, which must not look symbols up.
    let call = Self.systemCallFunction
    precondition(Self.name != 0)
    pid = forkProcess()
    precondition(pid >= 0, "MappingChild: fork failed")
    if pid == 0 {
      // Its own ends too, so as not to outlive the tests; and those of others: an exit test holds
      // up a thread of the pool until all copies of its pipes are closed.
      Self.closeAll(but: input, output, call)
      Self.serve(input, output, call)
    }
    close(input)
    close(output)
    commands = toChild[1]
    results = fromChild[0]
  }

  deinit {
    end()
    close(commands)
    close(results)
  }

  /// Has the child do something, and waits until it has.
  @discardableResult
  func perform(
    _ operation: Operation, _ address: UInt64 = 0, _ length: UInt64 = 0, _ protection: UInt64 = 0
  ) -> UInt64 {
    send(operation, address, length, protection)
    return receive()
  }

  func send(
    _ operation: Operation, _ address: UInt64 = 0, _ length: UInt64 = 0, _ protection: UInt64 = 0
  ) {
    var command = Command(
      operation: operation.rawValue, address: address, length: length, protection: protection)
    let count = unsafe write(commands, &command, MemoryLayout<Command>.size)
    precondition(count == MemoryLayout<Command>.size, "MappingChild: the child is gone")
  }

  /// Has the child do a system call. Addresses of this process's memory from before the fork are
  /// its own, too.
  ///
  /// - Returns: the result; -1 for all errors.
  @discardableResult
  func systemCall(
    _ number: Int, _ first: UInt64, _ second: UInt64 = 0, _ third: UInt64 = 0,
    _ fourth: UInt64 = 0, _ fifth: UInt64 = 0
  ) -> Int64 {
    var command = Command(
      operation: Operation.systemCall.rawValue, address: UInt64(number), length: first,
      protection: second, more: (third, fourth, fifth))
    let count = unsafe write(commands, &command, MemoryLayout<Command>.size)
    precondition(count == MemoryLayout<Command>.size, "MappingChild: the child is gone")
    return Int64(bitPattern: receive())
  }

  /// The answer to what was sent.
  @discardableResult
  func receive() -> UInt64 {
    var result: UInt64 = 0
    let count = unsafe read(results, &result, 8)
    precondition(count == 8, "MappingChild: the child is gone")
    return result
  }

  /// Kills the child, and leaves it a zombie until ``end()``.
  func kill() {
    Glibc.kill(pid, SIGKILL)
    var info = unsafe siginfo_t()
    unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT)
  }

  /// Kills the child, and takes note of it: its pid may be another's.
  func end() {
    guard !isReaped else { return }
    isReaped = true
    Glibc.kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
  }

  // MARK: In the child

  /// `syscall`, which has a variable number of arguments: in registers, as those of any function.
  private typealias SystemCall =
    @convention(c) (Int, UInt64, UInt64, UInt64, UInt64, UInt64) -> Int
  private static let systemCallFunction =
    unsafe unsafeBitCast(dlsym(nil, "syscall"), to: SystemCall.self)

  /// Closes all descriptors from 3 on but two.
  private static func closeAll(but first: Int32, _ second: Int32, _ call: SystemCall) {
    let (low, high) = (UInt64(min(first, second)), UInt64(max(first, second)))
    /// `close_range`, as from Linux 5.9 on.
    func close(from start: UInt64, to end: UInt64) {
      guard start <= end, call(436, start, end, 0, 0, 0) != 0 else { return }
      for number in start...min(end, 4096) { Glibc.close(Int32(number)) }
    }
    close(from: 3, to: low - 1)
    close(from: low + 1, to: high - 1)
    close(from: high + 1, to: UInt64(UInt32.max))
  }

  private static func serve(_ input: Int32, _ output: Int32, _ call: SystemCall) -> Never {
    var command = Command(operation: 0, address: 0, length: 0, protection: 0)
    while unsafe read(input, &command, MemoryLayout<Command>.size) == MemoryLayout<Command>.size {
      var result: UInt64 = 0
      switch command.operation {
      case 0: result = map(command.address, command.length, command.protection)
      case 1: result = unmap(command.address, command.length)
      case 2: result = protect(command.address, command.length, command.protection)
      case 3:
        // The answer says that it has begun.
        unsafe write(output, &result, 8)
        storm(command.address, command.length, until: input)
        continue
      case 4:
        unsafe write(output, &result, 8)
        executeSleep()
      case 5: result = startThread()
      case 6: result = forkChild()
      case 7:
        result = UInt64(
          bitPattern: Int64(
            call(
              Int(command.address), command.length, command.protection, command.more.0,
              command.more.1, command.more.2)))
      default: _exit(0)
      }
      unsafe write(output, &result, 8)
    }
    _exit(0)
  }

  private static func startThread() -> UInt64 {
    var thread = pthread_t()
    return unsafe pthread_create(&thread, nil, { _ in while true { pause() } }, nil) == 0 ? 1 : 0
  }

  private static func forkChild() -> UInt64 {
    let parent = getpid()
    let child = forkProcess()
    if child == 0 {
      while getppid() == parent { usleep(1000) }
      _exit(0)
    }
    return UInt64(max(child, 0))
  }

  private static func map(_ address: UInt64, _ length: UInt64, _ protection: UInt64) -> UInt64 {
    let result = unsafe mmap(
      UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length), Int32(protection),
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
    return UInt64(UInt(bitPattern: result))
  }

  private static func unmap(_ address: UInt64, _ length: UInt64) -> UInt64 {
    UInt64(
      UInt(
        bitPattern: Int(
          unsafe munmap(UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length)))))
  }

  private static func protect(_ address: UInt64, _ length: UInt64, _ protection: UInt64) -> UInt64 {
    UInt64(
      UInt(
        bitPattern: Int(
          unsafe mprotect(
            UnsafeMutableRawPointer(bitPattern: UInt(address))!, Int(length), Int32(protection)))))
  }

  private static func storm(_ address: UInt64, _ length: UInt64, until input: Int32) {
    var word: UInt64 = 88_172_645_463_325_252
    var descriptor = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&descriptor, 1, 0) == 0 {
      for _ in 0..<16 {
        word ^= word << 13
        word ^= word >> 7
        word ^= word << 17
        let start = address + word % (length / 4096) * 4096
        let bytes = min(address + length - start, (1 + word >> 20 % 4) * 4096)
        switch word >> 40 % 3 {
        case 0: _ = map(start, bytes, word >> 50 % 4)
        case 1: _ = unmap(start, bytes)
        default: _ = protect(start, bytes, word >> 52 % 4)
        }
      }
    }
  }

  private static func executeSleep() {
    var arguments:
      (UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<CChar>?) =
        unsafe (strdup("sleep"), strdup("1000"), nil)
    unsafe withUnsafeMutablePointer(to: &arguments) { pointer in
      unsafe pointer.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self, capacity: 3) {
        _ = unsafe execv("/bin/sleep", $0)
      }
    }
    _exit(127)
  }
}

// MARK: - Comparing

extension MappingChild {
  /// The kernel's text of the child's map.
  func mapsText() throws -> String {
    String(decoding: try KernelMaps(pid: pid).text(), as: UTF8.self)
  }

  /// The lines in which a copy differs from the kernel's text. Whether a file has been deleted
  /// isn't compared: the child has inherited mappings of other tests' files, and nothing tells of
  /// that.
  func differences(from mirror: ProcessMirror) throws -> [String] {
    func lines(_ text: String) -> [Substring] {
      text.split(separator: "\n").map { $0.hasSuffix(" (deleted)") ? $0.dropLast(10) : $0 }
    }
    let copied = lines(mirror.space.mapsText().string)
    let actual = lines(try mapsText())
    return copied.filter { !actual.contains($0) }.map { "copied: \($0)" }
      + actual.filter { !copied.contains($0) }.map { "actual: \($0)" }
  }
}
