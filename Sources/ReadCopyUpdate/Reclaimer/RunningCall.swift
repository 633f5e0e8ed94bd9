// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import _SystemShims

/// The code that a reclaimer is running, for reports. Written by the runner before and after each
/// retirement, on a cache line of its own: threads that retire read others all the time.
@safe
struct RunningCall: ~Copyable, @unchecked Sendable {
  // Sendable: all access is atomic.
  private static let lineBytes = 128
  private let words: UnsafeMutablePointer<Atomic<UInt>>

  init() {
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.lineBytes, alignment: Self.lineBytes)
    unsafe words = memory.bindMemory(to: Atomic<UInt>.self, capacity: 2)
    for index in 0..<2 { unsafe (words + index).initialize(to: Atomic(0)) }
  }

  deinit { unsafe words.deallocate() }

  /// The address of the code; 0 if none is running.
  var function: UInt { unsafe words[0].load(ordering: .relaxed) }

  /// How many calls have begun.
  var number: UInt { unsafe words[1].load(ordering: .relaxed) }

  /// One thread at a time.
  @inline(__always)
  func begin(_ function: UInt) {
    unsafe words[1].store(number &+ 1, ordering: .relaxed)
    unsafe words[0].store(function, ordering: .relaxed)
  }

  @inline(__always)
  func end() { unsafe words[0].store(0, ordering: .relaxed) }

  /// - Parameter function: the address of the code.
  /// - Returns: the symbol's name, as the linker knows it (`swift demangle` makes it readable), or
  ///   the file and the offset in it.
  static func name(of function: UInt) -> String {
    unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { text in
      let start = unsafe text.baseAddress.unsafelyUnwrapped
      unsafe sysshims_describe_code(function, start, text.count)
      return unsafe String(cString: start)
    }
  }
}
