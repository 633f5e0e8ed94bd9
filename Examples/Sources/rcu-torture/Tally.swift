// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Synchronization

/// Counts that any thread and any signal handler may add to. Relaxed: they order nothing.
final class Counts: @unchecked Sendable {
  // Sendable: all access is atomic.
  let count: Int
  private let values: UnsafeMutablePointer<Atomic<Int>>

  init(_ count: Int) {
    self.count = count
    values = .allocate(capacity: count)
    for index in 0..<count { (values + index).initialize(to: Atomic(0)) }
  }

  deinit {
    values.deinitialize(count: count)
    values.deallocate()
  }

  func add(_ index: Int, _ value: Int = 1) { values[index].wrappingAdd(value, ordering: .relaxed) }

  subscript(_ index: Int) -> Int { values[index].load(ordering: .relaxed) }

  var all: [Int] { (0..<count).map { self[$0] } }
}

/// How often which age was seen by one reader.
struct AgeHistogram: Sendable {
  /// When the reader found the element, and while it stayed.
  let found = Counts(Age.end + 1)
  let staying = Counts(Age.end + 1)
}

/// What one thread has done.
enum Done: Int, CaseIterable {
  case reads, updates, deferredCalls, stalls, floods, endedThreads, readsAtEnds, forks, threadless,
    signals
}

/// What went wrong.
enum Failure: Int, CaseIterable {
  /// A reader saw an element older than grace periods permit.
  case age
  /// A reader saw an element or a handle half written, freed, or written anew.
  case words
  /// A grace period that began inside a section was over before the section was.
  case earlyGracePeriod
  /// A barrier returned before a call that was deferred earlier.
  case barrier
  /// A deferred call or a task that waits never came.
  case lost
  case stall, limits, threadList, fork
  case signal

  var text: String {
    switch self {
    case .age: "an element older than grace periods permit"
    case .words: "words that were not the element's"
    case .earlyGracePeriod: "a grace period that ended inside a section it began in"
    case .barrier: "a barrier that returned before a deferred call"
    case .lost: "a deferred call or waiting task that never came"
    case .stall: "a stall that was not reported"
    case .limits: "more pending than the limits permit"
    case .threadList: "ended threads that are still listed"
    case .fork: "a child process that failed"
    case .signal: "an error in a signal handler"
    }
  }
}

/// Counts failures, and keeps the first message of each kind.
final class FailureLog: Sendable {
  private let counts = Counts(Failure.allCases.count)
  private let messages = Locked<[Failure: String]>([:])

  var total: Int { counts.all.reduce(0, +) }

  func report(_ failure: Failure, _ message: @autoclosure () -> String) {
    let isFirst = counts[failure.rawValue] == 0
    counts.add(failure.rawValue)
    if isFirst {
      let text = message()
      messages.withLock { $0[failure] = $0[failure] ?? text }
    }
  }

  /// The same in a signal handler: without a message, hence without a lock.
  func countInHandler(_ failure: Failure) { counts.add(failure.rawValue) }

  /// One line per kind.
  var lines: [String] {
    let messages = messages.withLock { $0 }
    return Failure.allCases.compactMap { failure in
      let count = counts[failure.rawValue]
      guard count > 0 else { return nil }
      return "\(count) × \(failure.text)" + (messages[failure].map { ": " + $0 } ?? "")
    }
  }
}
