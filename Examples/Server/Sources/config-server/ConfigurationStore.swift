// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import Synchronization

/// Where the current configuration is kept: read by each request, replaced seldom.
protocol ConfigurationStore: Sendable {
  func answer(_ path: String, user: String) async -> String?
  func replace(with new: Configuration) async
}

/// A pointer that readers follow in a read section: they take no lock and count no references.
final class RCUStore: ConfigurationStore {
  private let current: RCU.Pointer<Configuration>

  init(_ first: Configuration) { current = RCU.Pointer(first) }

  func answer(_ path: String, user: String) -> String? {
    // The answer is a copy: nothing of the configuration leaves the section.
    RCU.withReadSection { section in
      current.load(in: section)!.value.answer(path, user: user)
    }
  }

  /// The old configuration is destroyed when the last request that reads it has left its section.
  func replace(with new: Configuration) { current.store(new) }
}

/// A lock that each request takes. It is held for as long as a copy of three references takes.
final class MutexStore: ConfigurationStore {
  private let current: Mutex<Configuration>

  init(_ first: Configuration) { current = Mutex(first) }

  func answer(_ path: String, user: String) -> String? {
    current.withLock { $0 }.answer(path, user: user)
  }

  func replace(with new: Configuration) { current.withLock { $0 = new } }
}

/// An actor: each request waits for its turn.
actor ActorStore: ConfigurationStore {
  private var current: Configuration

  init(_ first: Configuration) { current = first }

  func answer(_ path: String, user: String) -> String? { current.answer(path, user: user) }
  func replace(with new: Configuration) { current = new }
}
