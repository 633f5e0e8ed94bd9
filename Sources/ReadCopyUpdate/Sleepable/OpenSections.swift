// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#if DEBUG
  internal import Synchronization

  /// In debug builds, the open sections of all ``SleepableRCU``s, so that a reference that has left
  /// its section traps where the compiler doesn't catch it.
  ///
  /// Each section has a place in a table, which holds its number while it is open. The table has no
  /// lock, since a child of `fork` could inherit a lock that nobody releases, and signal handlers
  /// open sections. Sections that find no place aren't checked.
  @usableFromInline
  @safe
  final class _OpenSections: @unchecked Sendable {
    // Sendable: all access to the table is atomic.
    @usableFromInline static let shared = _OpenSections()

    private static let capacity = 4096
    /// The number of places that are tried.
    private static let maximumTries = 64

    private let last = Atomic<UInt64>(0)
    // A section's number, or 0. Lives as long as the process.
    private let places: UnsafeMutablePointer<Atomic<UInt64>>

    private init() {
      unsafe places = .allocate(capacity: Self.capacity)
      for index in 0..<Self.capacity { unsafe (places + index).initialize(to: Atomic(0)) }
    }

    /// - Returns: a number that no other section has had, and whose remainder is its place; 0 if no
    ///   place was free.
    @usableFromInline
    func begin() -> UInt64 {
      for _ in 0..<Self.maximumTries {
        let number = last.wrappingAdd(1, ordering: .relaxed).newValue
        let index = Int(number % UInt64(Self.capacity))
        let isFree = unsafe places[index].compareExchange(
          expected: 0, desired: number, ordering: .relaxed
        ).exchanged
        if isFree { return number }
      }
      return 0
    }

    @usableFromInline
    func end(_ token: UInt64) {
      if token != 0 { unsafe places[place(of: token)].store(0, ordering: .relaxed) }
    }

    @usableFromInline
    func check(_ token: UInt64) {
      guard token != 0 else { return }
      require(
        unsafe places[place(of: token)].load(ordering: .relaxed) == token,
        "SleepableRCU: a section, or a reference loaded in it, is used after the section's end; use it only inside the section"
      )
    }

    private func place(of token: UInt64) -> Int { Int(token % UInt64(Self.capacity)) }
  }
#endif
