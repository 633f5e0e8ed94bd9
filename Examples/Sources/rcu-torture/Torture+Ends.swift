// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CTorture
import Foundation
import ReadCopyUpdate
import Synchronization

// Threads that read while they end.

extension Torture {
  private static var groupCount: Int { 4 }
  private static var threadsPerGroup: Int { 8 }

  /// Threads whose keys have destructors that read, before the library's own and after it, in every
  /// round; signal handlers interrupt them to their last instruction.
  func endThreads() {
    // qsbr's sections are not for handlers.
    let interrupts = Flavor.self != QuiescentStateFlavor.self
    if interrupts { prepareHandlers() }
    for _ in 0..<Self.groupCount where !loadsAreStopping {
      var threads = (0..<Self.threadsPerGroup).map { index in
        TortureThread("ends-\(index)") { self.readAndEnd(isRegisteredToTheEnd: index % 2 == 0) }
      }
      while !threads.isEmpty {
        threads.removeAll { thread in
          if interrupts { thread.interrupt() }
          return thread.joinIfEnded()
        }
      }
      haveEnded(Self.threadsPerGroup)
    }
  }

  private func readAndEnd(isRegisteredToTheEnd: Bool) {
    if isRegisteredToTheEnd { Flavor.registerToTheEnd() }
    readAtEnd()
    torture_let_handlers_read()
    EndingThread.callAtEnd { self.readAtEnd() }
  }

  private func readAtEnd() {
    Flavor.asReader {
      var random = Random(seed: done[.readsAtEnds])
      read(&random, handlerAges, depth: random.next(below: 2))
      Domain.afterGracePeriod {}
    }
    done.add(.readsAtEnds)
  }
}

/// Calls at the end of the calling thread, by destructors of keys that come before and after the
/// library's.
enum EndingThread {
  /// As often as the system runs destructors that set their key again:
  /// `PTHREAD_DESTRUCTOR_ITERATIONS`.
  private static let roundCount = 4

  static let earlyKey = makeKey()
  private static let lateKey = makeKey()

  private final class Call {
    let key: pthread_key_t
    let body: () -> Void
    var round = 0

    init(_ key: pthread_key_t, _ body: @escaping () -> Void) {
      self.key = key
      self.body = body
    }
  }

  static func callAtEnd(_ body: @escaping () -> Void) {
    for key in [earlyKey, lateKey] {
      pthread_setspecific(key, Unmanaged.passRetained(Call(key, body)).toOpaque())
    }
  }

  private static func makeKey() -> pthread_key_t {
    var key = pthread_key_t()
    let error = pthread_key_create(&key) { context in
      if let context { EndingThread.run(.fromOpaque(context)) }
    }
    precondition(error == 0, "rcu-torture: no key is left")
    return key
  }

  private static func run(_ reference: Unmanaged<Call>) {
    let call = reference.takeUnretainedValue()
    call.body()
    call.round += 1
    if call.round == roundCount {
      reference.release()
    } else {
      pthread_setspecific(call.key, reference.toOpaque())
    }
  }
}
