// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The system calls of processes, as `strace` recorded them: those that change address spaces or
/// tell to whom one belongs.
///
/// ```
/// strace -f -y -o FILE -e trace=memory,process,prctl,open,openat,close PROGRAM
/// ```
///
/// Everything else in the text is passed over: other calls, signals, and what the options -t, -r
/// and -T add. Without `open`, `openat` and `close`, a file counts as another one when its
/// descriptor stands for another path.
public struct StraceTrace: Sendable {
  /// All calls that are replayed, in the order in which they started.
  public internal(set) var calls: [StraceCall] = []
  /// What happened, in the order of the lines.
  var events: [Event] = []

  /// A start or an end of a call, or of a thread.
  enum Event: Sendable {
    /// The call with this index starts, and doesn't end on the same line.
    case began(Int)
    case ended(Int)
    case threadEnded(Int32)
  }

  init() {}

  /// The call by which a thread was started, by the thread's number: the latest before `callIndex`.
  func start(of threadID: Int32, before callIndex: Int) -> Int? {
    calls[..<callIndex].lastIndex { call in
      if case .start = call.operation { call.result == .value(UInt64(threadID)) } else { false }
    }
  }
}
