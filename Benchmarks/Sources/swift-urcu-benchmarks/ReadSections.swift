// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation
import ReadCopyUpdate
import Synchronization

/// A read section with the load of one pointer in it.
enum ReadSections {
  static let title = "Read section with one load"
  private static let meaning = "one section, load, field, end"

  static func group(_ effort: Effort) -> Group {
    let fixture = ReadFixture()
    let word = fixture.word
    func c(
      _ name: String, _ flavor: String, _ loop: @escaping (Int) -> Int64
    ) -> Subject {
      .loop(name, against: flavor == name ? nil : flavor, meaning: meaning, effort: effort) {
        Int(loop($0))
      }
    }
    return Group(
      title: title,
      subjects: [
        c("C, bp inlined", "C, bp inlined") { baselines_read_bp_inline(word, $0) },
        .loop("Swift, bp", against: "C, bp inlined", meaning: meaning, effort: effort) {
          fixture.readBulletproof($0)
        },
        c("C, bp by calls", "C, bp inlined") { baselines_read_bp_calls(word, $0) },
        c("C, memb inlined", "C, memb inlined") { count in
          Memb.withRegisteredThread { baselines_read_memb_inline(word, count) }
        },
        .loop("Swift, memb", against: "C, memb inlined", meaning: meaning, effort: effort) {
          count in Memb.withRegisteredThread { fixture.readMembarrier(count) }
        },
        c("C, memb by calls", "C, memb inlined") { count in
          Memb.withRegisteredThread { baselines_read_memb_calls(word, count) }
        },
        .loop(
          "Swift, Mutex", against: "C, bp inlined", meaning: "one lock, load, unlock",
          effort: effort
        ) { fixture.readMutex($0) },
        .loop(
          "C, pthread rwlock", against: "C, bp inlined", meaning: "one read lock, load, unlock",
          effort: effort
        ) { Int(baselines_read_rwlock(fixture.lock, word, $0)) },
      ])
  }
}

private typealias Memb = RCUDomain<MembarrierFlavor>

private struct Node: Sendable {
  var value = 1
}

private final class ReadFixture {
  let bulletproof = RCU.Pointer(Node())
  let membarrier = Memb.Pointer(Node())
  let mutex = Mutex(Node())
  // C's: the same in memory. Freed with the fixture.
  let node = UnsafeMutablePointer<baselines_node>.allocate(capacity: 1)
  let word = UnsafeMutablePointer<baselines_pointer>.allocate(capacity: 1)
  let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)

  init() {
    node.initialize(to: baselines_node(value: 1))
    word.initialize(to: baselines_pointer(node: UnsafePointer(node)))
    lock.initialize(to: pthread_rwlock_t())
    pthread_rwlock_init(lock, nil)
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
    word.deallocate()
    node.deallocate()
  }

  @inline(never)
  func readBulletproof(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      sum &+= RCU.withReadSection { bulletproof.load(in: $0)?.value.value ?? 0 }
    }
    return sum
  }

  @inline(never)
  func readMembarrier(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
      sum &+= Memb.withReadSection { membarrier.load(in: $0)?.value.value ?? 0 }
    }
    return sum
  }

  @inline(never)
  func readMutex(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= mutex.withLock { $0.value } }
    return sum
  }
}
