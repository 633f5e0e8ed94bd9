// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization

/// Counts what is alive, so that a test sees it back at zero.
///
/// All operations are relaxed: a counter must not draw edges that hide a race from
/// ThreadSanitizer. Read `live` after a barrier or a join, which order it.
package final class InstanceCounter: Sendable {
  private let liveCount = Atomic(0)
  private let createdCount = Atomic(0)

  package init() {}

  /// Instances that were created and not destroyed.
  package var live: Int { liveCount.load(ordering: .relaxed) }

  /// Instances that were ever created.
  package var created: Int { createdCount.load(ordering: .relaxed) }

  package func add() {
    liveCount.wrappingAdd(1, ordering: .relaxed)
    createdCount.wrappingAdd(1, ordering: .relaxed)
  }

  package func remove() { liveCount.wrappingSubtract(1, ordering: .relaxed) }
}

/// A noncopyable value that is counted.
package struct Counted: ~Copyable, Sendable {
  package let value: Int
  private let counter: InstanceCounter

  package init(_ value: Int, _ counter: InstanceCounter) {
    self.value = value
    self.counter = counter
    counter.add()
  }

  deinit { counter.remove() }
}

/// An object that is counted, for copyable pointees.
package final class CountedObject: Sendable {
  package let value: Int
  private let counter: InstanceCounter

  package init(_ value: Int, _ counter: InstanceCounter) {
    self.value = value
    self.counter = counter
    counter.add()
  }

  deinit { counter.remove() }
}
