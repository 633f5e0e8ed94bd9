// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if DEBUG
  internal import Synchronization

  /// The sections of all ``SleepableRCU``s that are open, in debug builds: for the trap of a reference that has left
  /// its section, where the compiler doesn't see that.
  @usableFromInline
  final class _OpenSections: Sendable {
    @usableFromInline static let shared = _OpenSections()

    private let state = Mutex<(last: UInt64, open: Set<UInt64>)>((0, []))

    /// - Returns: a number that no other section has had, at least 1.
    @usableFromInline
    func begin() -> UInt64 {
      state.withLock { state in
        state.last += 1
        state.open.insert(state.last)
        return state.last
      }
    }

    @usableFromInline
    func end(_ token: UInt64) { _ = state.withLock { $0.open.remove(token) } }

    @usableFromInline
    func check(_ token: UInt64) {
      require(
        state.withLock { $0.open.contains(token) },
        "SleepableRCU: a section, or a reference that was loaded in it, is used after the section has ended; use it inside"
      )
    }
  }
#endif
