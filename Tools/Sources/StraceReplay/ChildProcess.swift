// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// A child process, with signals as a program expects them at its start: none blocked or ignored,
/// whatever the calling thread has blocked.
struct ChildProcess: ~Copyable {
  /// Where a child's output and errors go.
  enum Output {
    /// Where the caller's go.
    case shared
    /// Nowhere.
    case discarded
    /// Into an open file, both.
    case file(Int32)
  }

  let processID: pid_t
  private var status: Int32?

  /// Starts a program that is found in `PATH`. It reads nothing.
  ///
  /// - Returns: `nil` if it can't be started.
  init?(_ command: [String], _ output: Output) {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for descriptor: Int32 in [STDOUT_FILENO, STDERR_FILENO] {
      switch output {
      case .shared:
        break
      case .discarded:
        unsafe posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
      case .file(let file):
        unsafe posix_spawn_file_actions_adddup2(&actions, file, descriptor)
      }
    }
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    unsafe posix_spawnattr_setsigmask(&attributes, &signals)
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

    var words = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { unsafe words.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let result = unsafe posix_spawnp(&child, words[0]!, &actions, &attributes, &words, environ)
    guard result == 0 else { return nil }
    processID = child
  }

  /// Waits for the end.
  ///
  /// - Returns: the status as a shell has it: 128 and the signal for a child that was killed.
  mutating func wait() -> Int32 {
    while true {
      if let status = poll(0) { return status }
    }
  }

  /// The status if the child has ended.
  mutating func statusIfEnded() -> Int32? { poll(WNOHANG) }

  private mutating func poll(_ options: Int32) -> Int32? {
    if let status { return status }
    var word: Int32 = 0
    let ended = unsafe waitpid(processID, &word, options)
    if ended == processID {
      status = word & 0x7f == 0 ? word >> 8 & 0xff : 128 + word & 0x7f
    } else if ended < 0 && errno != EINTR {
      // Somebody else has waited for it.
      status = -1
    }
    return status
  }
}

/// An empty file that exists as long as this does.
struct TemporaryFile: ~Copyable {
  let path: String
  let descriptor: Int32

  /// `nil` if none can be made.
  init?() {
    var template = Array("/tmp/swift-urcu-XXXXXX".utf8CString)
    descriptor = unsafe template.withUnsafeMutableBufferPointer { buffer in
      unsafe mkstemp(buffer.baseAddress!)
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if descriptor < 0 { return nil }
    // Not for the child, which opens it itself.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  deinit {
    close(descriptor)
    unsafe unlink(path)
  }
}
