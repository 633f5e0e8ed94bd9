// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import Synchronization

/// Lets a number of threads go at the same moment.
final class StartGate: Sendable {
  private let missing: Atomic<Int>

  init(_ count: Int) { missing = Atomic(count) }

  func arriveAndWait() {
    // Pairs with the acquiring load below: the threads start with what came before.
    missing.wrappingSubtract(1, ordering: .acquiringAndReleasing)
    while missing.load(ordering: .acquiring) > 0 { yieldThread() }
  }
}

/// A flag that one thread raises and others look at.
package final class Flag: Sendable {
  private let raised = Atomic(false)

  package init() {}

  /// Releasing. *Pairs with* ``isRaised``.
  package func raise() { raised.store(true, ordering: .releasing) }

  /// Acquiring: what the raiser did before is seen after. *Pairs with* ``raise()``.
  package var isRaised: Bool { raised.load(ordering: .acquiring) }

  /// Draws no edge: for loops whose races ThreadSanitizer must see.
  package var isRaisedRelaxed: Bool { raised.load(ordering: .relaxed) }

  /// Waits until the flag is raised, for a moment at once and then at leisure: a thread that is
  /// held up for long must not take the processor from those that the test is about.
  package func wait() {
    for _ in 0..<Self.maximumSpins where !isRaised { yieldThread() }
    while !isRaised { usleep(100) }
  }

  private static let maximumSpins = 200
}
