// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

/// The contents of `/proc/PID/stat` for a process or thread.
struct ProcessStatus: Sendable, Hashable {
  /// The letter of the state: `R`, `S`, `Z` …
  var state: UInt8
  /// The parent's pid.
  var parent: Int32
  /// The kernel's flags for the task, `PF_*`.
  var flags: UInt64
  /// When the process was started, in clock ticks since the system was booted. Together with the
  /// pid, this identifies a process, even if the pid is reused.
  var startTime: UInt64

  /// Whether the process has ended and waits for its parent to reap it.
  var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
  /// Whether this is a kernel thread (`PF_KTHREAD`).
  var isKernelThread: Bool { flags & 0x20_0000 != 0 }

  /// - Parameter folder: the folder of the process or thread, such as `/proc/42`.
  /// - Returns: `nil` if there is no such process, or if it can't be read.
  init?(_ folder: FilePath) {
    guard let status = try? Self.read(folder) else { return nil }
    self = status
  }

  /// The same.
  ///
  /// - Throws: what may be otherwise later: `EMFILE` and the like.
  static func read(_ folder: FilePath) throws(Errno) -> ProcessStatus? {
    do throws(Errno) {
      return ProcessStatus(try ProcessFolder.contents(of: folder.appending("stat")))
    } catch {
      if ProcessFolder.isLasting(error) { return nil }
      throw error
    }
  }

  /// Parses the text of `/proc/PID/stat`.
  ///
  /// - Source: `do_task_stat`.
  init?(_ text: [UInt8]) {
    // The name is in parentheses, and may itself contain any byte, even parentheses and blanks.
    guard let nameEnd = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = text[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
    // `fields` starts with the third field of the text, the first after the name.
    guard fields.count > 19, let state = fields[0].first,
      let parent = Int32(String(decoding: fields[1], as: UTF8.self)),
      let flags = UInt64(String(decoding: fields[6], as: UTF8.self)),
      let startTime = UInt64(String(decoding: fields[19], as: UTF8.self))
    else { return nil }
    self.state = state
    self.parent = parent
    self.flags = flags
    self.startTime = startTime
  }
}
