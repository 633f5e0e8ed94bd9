// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Atomics
import CBaselines
import Foundation
import ReadCopyUpdate
import Synchronization

/// A read section with the load of one pointer in it, by one thread or by two at the same time.
enum ReadSections {
  static func title(_ threadCount: Int) -> String {
    "Read section with one load, \(threadCount) thread\(threadCount == 1 ? "" : "s")"
  }

  static func group(_ threadCount: Int, _ effort: Effort) -> Group {
    let fixture = ReadFixture()
    func subject(_ name: String, _ baseline: String, _ meaning: String, _ reader: Reader) -> Subject
    {
      .reads(
        name, against: baseline, meaning: meaning, effort: effort, threadCount: threadCount, reader)
    }
    var subjects: [Subject] = []
    for flavor in Flavor.all {
      let inlined = "C, \(flavor.name) inlined"
      let meaning = "one section, load, field, end\(flavor.remark)"
      subjects.append(subject(inlined, inlined, meaning, flavor.inlined(fixture)))
      if let reader = fixture.readers[flavor.name] {
        subjects.append(subject("Swift, \(flavor.name)", inlined, meaning, reader))
      }
      if let reader = fixture.readers[flavor.name + " unchecked"] {
        let meaning = "withUncheckedReadSection: " + meaning
        subjects.append(subject("Swift, \(flavor.name) unchecked", inlined, meaning, reader))
      }
      subjects.append(
        subject("C, \(flavor.name) by calls", inlined, meaning, flavor.calling(fixture)))
    }
    let bulletproof = "C, bp inlined"
    for peer in effort.peers.epochs {
      subjects.append(subject(peer.name, bulletproof, "one section, load, field, end", peer.reader))
    }
    return Group(
      title: title(threadCount),
      subjects: subjects + [
        subject(
          "Swift, Mutex", bulletproof, "one lock, load, unlock",
          Reader { _, count in fixture.readMutex(count) }),
        subject(
          "C, pthread rwlock", bulletproof, "one read lock, load, unlock",
          Reader { _, count in
            Int(baselines_read_rwlock(fixture.lock, fixture.word, count))
          }),
        subject(
          "Swift, ManagedAtomic", bulletproof, "one load of a reference, field, release",
          Reader { _, count in fixture.readReference(count) }),
      ])
  }
}

/// One flavor of liburcu in C.
struct Flavor: @unchecked Sendable {
  // Sendable: a table of functions that doesn't change.
  let name: String
  private let functions: UnsafePointer<baselines_flavor>
  /// What its readers do besides.
  var remark = ""

  static let bp = Flavor(name: "bp", functions: baselines_bp())
  static let memb = Flavor(name: "memb", functions: baselines_memb())
  static let mb = Flavor(name: "mb", functions: baselines_mb())
  static let qsbr = Flavor(
    name: "qsbr", functions: baselines_qsbr(),
    remark: "; each \(BASELINES_SECTIONS_PER_QUIESCENT_STATE)th time a quiescent state")
  static let all = [bp, memb, mb, qsbr]

  func inlined(_ fixture: ReadFixture) -> Reader {
    reader { Int(functions.pointee.read_inline(fixture.word, $0)) }
  }

  func calling(_ fixture: ReadFixture) -> Reader {
    reader { Int(functions.pointee.read_calls(fixture.word, $0)) }
  }

  func synchronize(_ count: Int) { functions.pointee.synchronize(count) }

  private func reader(_ read: @escaping @Sendable (Int) -> Int) -> Reader {
    Reader(
      within: { body in
        functions.pointee.register_thread()
        body(nil)
        functions.pointee.unregister_thread()
      },
      read: { _, count in read(count) })
  }
}

private struct Node: Sendable {
  var value = 1
}

private final class Reference: AtomicReference, Sendable {
  let value = 1
}

final class ReadFixture: @unchecked Sendable {
  // Sendable: nothing is written after the initialisation.
  private let bulletproof = RCU.Pointer(Node())
  private let membarrier = RCUDomain<MembarrierFlavor>.Pointer(Node())
  private let memoryBarrier = RCUDomain<MemoryBarrierFlavor>.Pointer(Node())
  private let quiescentState = RCUDomain<QuiescentStateFlavor>.Pointer(Node())
  private let mutex = Mutex(Node())
  private let reference = ManagedAtomic(Reference())
  // C's: the same in memory. Freed with the fixture.
  private let node = UnsafeMutablePointer<baselines_node>.allocate(capacity: 1)
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

  /// Swift's, by the names of the flavors.
  var readers: [String: Reader] {
    [
      "bp": Reader { _, count in read(self.bulletproof, count) },
      "memb": registeringReader(RCUDomain<MembarrierFlavor>.self) { read(self.membarrier, $0) },
      "mb": registeringReader(RCUDomain<MemoryBarrierFlavor>.self) { read(self.memoryBarrier, $0) },
      "qsbr": registeringReader(RCUDomain<QuiescentStateFlavor>.self) {
        readQuiescent(self.quiescentState, $0)
      },
      "qsbr unchecked": registeringReader(RCUDomain<QuiescentStateFlavor>.self) {
        readUnchecked(self.quiescentState, $0)
      },
    ]
  }

  @inline(never)
  func readMutex(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= mutex.withLock { $0.value } }
    return sum
  }

  @inline(never)
  func readReference(_ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count { sum &+= reference.load(ordering: .acquiring).value }
    return sum
  }
}

@inline(never)
private func read<F>(_ pointer: borrowing RCUDomain<F>.Pointer<Node>, _ count: Int) -> Int {
  var sum = 0
  for _ in 0..<count / Reader.countUnit { sum &+= readTurn(pointer) }
  return sum
}

/// Says now and then that it is in no section, after as many as C's.
@inline(never)
private func readQuiescent(
  _ pointer: borrowing RCUDomain<QuiescentStateFlavor>.Pointer<Node>, _ count: Int
) -> Int {
  let sectionsPerState = Int(BASELINES_SECTIONS_PER_QUIESCENT_STATE)
  var sum = 0
  for turn in 0..<count / Reader.countUnit {
    sum &+= readTurn(pointer)
    if (turn + 1) * Reader.countUnit % sectionsPerState == 0 {
      RCUDomain<QuiescentStateFlavor>.quiescentState()
    }
  }
  return sum
}

@inline(never)
private func readUnchecked(
  _ pointer: borrowing RCUDomain<QuiescentStateFlavor>.Pointer<Node>, _ count: Int
) -> Int {
  let sectionsPerState = Int(BASELINES_SECTIONS_PER_QUIESCENT_STATE)
  var sum = 0
  for turn in 0..<count / Reader.countUnit {
    for _ in 0..<Reader.countUnit {
      sum &+= unsafe RCUDomain<QuiescentStateFlavor>.withUncheckedReadSection { section in
        pointer.load(in: section)!.value.value
      }
    }
    if (turn + 1) * Reader.countUnit % sectionsPerState == 0 {
      RCUDomain<QuiescentStateFlavor>.quiescentState()
    }
  }
  return sum
}

/// The sections of a turn are written out, as C's are.
@inline(__always)
private func readTurn<F>(_ pointer: borrowing RCUDomain<F>.Pointer<Node>) -> Int {
  readOnce(pointer) &+ readOnce(pointer) &+ readOnce(pointer) &+ readOnce(pointer)
    &+ readOnce(pointer) &+ readOnce(pointer) &+ readOnce(pointer) &+ readOnce(pointer)
}

@inline(__always)
private func readOnce<F>(_ pointer: borrowing RCUDomain<F>.Pointer<Node>) -> Int {
  RCUDomain<F>.withReadSection { pointer.load(in: $0)!.value.value }
}

private func registeringReader<F: ThreadRegisteringFlavor>(
  _ domain: RCUDomain<F>.Type, _ read: @escaping @Sendable (Int) -> Int
) -> Reader {
  Reader(
    within: { body in RCUDomain<F>.withRegisteredThread { body(nil) } },
    read: { _, count in read(count) })
}
