// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import SystemPackage

/// What `/proc/PID/stat` says of a process or thread.
struct ProcessStatus: Sendable, Hashable {
  /// The state's letter: `R`, `S`, `Z` …
  var state: UInt8
  /// The parent's pid.
  var parent: Int32
  /// The kernel's flags of the task, `PF_*`.
  var flags: UInt64
  /// When it was started, in clock ticks since the system was: with the pid, it tells one process
  /// from another that has its pid later.
  var startTime: UInt64

  /// Whether it has ended, and waits for its parent to notice.
  var isZombie: Bool { state == UInt8(ascii: "Z") || state == UInt8(ascii: "X") }
  /// `PF_KTHREAD`.
  var isKernelThread: Bool { flags & 0x20_0000 != 0 }

  /// - Parameter folder: such as `/proc/42`.
  /// - Returns: `nil` if there is no such process, or it can't be read.
  init?(_ folder: FilePath) {
    guard let text = try? ProcessFolder.contents(of: folder.appending("stat")) else { return nil }
    self.init(text)
  }

  /// - Source: `do_task_stat`.
  init?(_ text: [UInt8]) {
    // The name is in parentheses, and may have any byte in it, parentheses and blanks too.
    guard let nameEnd = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = text[(nameEnd + 1)...].split(separator: UInt8(ascii: " "))
    // The third field of the text is the first after the name.
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
