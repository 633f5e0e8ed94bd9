// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import PageFaults

/// A page fault of a traced thread.
public struct StraceFault: Sendable, Hashable {
  /// Nanoseconds since 1970.
  public var time: UInt64
  public var threadID: Int32
  public var address: UInt64

  public init(time: UInt64, threadID: Int32, address: UInt64) {
    self.time = time
    self.threadID = threadID
    self.address = address
  }
}

/// The page faults of what the calling thread starts, as the kernel counts them.
@safe
struct FaultRecorder: ~Copyable {
  private let recorder: OpaquePointer
  private(set) var faults: [StraceFault] = []

  /// `nil` if the kernel doesn't tell.
  init?() {
    guard let recorder = unsafe pagefaults_start() else { return nil }
    unsafe self.recorder = recorder
  }

  deinit { unsafe pagefaults_stop(recorder) }

  /// Takes the faults that have happened; often enough, since there is room for some thousands
  /// only.
  mutating func take() {
    while true {
      let chunk = unsafe [pagefaults_fault](unsafeUninitializedCapacity: 4096) { buffer, count in
        // Safety: an empty array's memory is never asked for.
        count = unsafe pagefaults_take(recorder, buffer.baseAddress!, buffer.count)
      }
      for fault in chunk {
        faults.append(
          StraceFault(
            time: fault.nanoseconds, threadID: fault.thread_id, address: fault.address))
      }
      if chunk.count < 4096 { return }
    }
  }

  /// Whether some are missing.
  var hasLost: Bool { unsafe pagefaults_has_lost(recorder) }
}
