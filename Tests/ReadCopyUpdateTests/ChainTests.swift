// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// Pointees that own one another through pointers.
@Suite struct ChainTests {
  private static let length = isOptimizedBuild ? 1_000_000 : 100_000

  /// A link by value: its pointer is in its own memory.
  private struct Link: ~Copyable, Sendable {
    let counter: InstanceCounter
    let next = RCU.Pointer<Link>()
    init(_ counter: InstanceCounter) {
      self.counter = counter
      counter.add()
    }
    deinit { counter.remove() }
  }

  /// A link by reference, as most are.
  private final class Node: Sendable {
    let counter: InstanceCounter
    let next = RCU.Pointer<Node>()
    init(_ counter: InstanceCounter) {
      self.counter = counter
      counter.add()
    }
    deinit { counter.remove() }
  }

  private final class SleepableNode: Sendable {
    let counter: InstanceCounter
    let next: SleepableRCU.Pointer<SleepableNode>
    init(_ counter: InstanceCounter, _ domain: SleepableRCU) {
      self.counter = counter
      next = SleepableRCU.Pointer(protectedBy: domain)
      counter.add()
    }
    deinit { counter.remove() }
  }

  /// A chain goes in a grace period or two, not in one a link; whoever waits for its head waits for
  /// it all.
  @Test func chainsByValueGoAtOnce() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ChainTests.dropChainByValue()
    }
  }

  private static func dropChainByValue() {
    let counter = InstanceCounter()
    let head = RCU.Pointer<Link>()
    for _ in 0..<length {
      let link = Link(counter)
      // Hands what is there on to the new link.
      if let rest = head.exchange(Link(counter)) { link.next.store(rest.take()) }
      head.store(link)
      RCU.barrier()
      if counter.live >= 200 { break }
    }
    // So far by copying, which is slow; the long one from the tail.
    head.clear()
    RCU.barrier()
    precondition(counter.live == 0)
    var tail = Optional(Link(counter))
    for _ in 1..<length {
      let link = Link(counter)
      link.next.store(tail.take()!)
      tail = .some(link)
    }
    head.store(tail.take()!)
    let before = RCU.statistics
    precondition(counter.live == length)
    head.clear()
    RCU.barrier()
    precondition(counter.live == 0, "\(counter.live) links are left")
    let after = RCU.statistics
    precondition(after.gracePeriodCount - before.gracePeriodCount <= 3)
    precondition(after.executedCount - before.executedCount == length)
    precondition(after.pendingCount == 0 && after.pendingBytes == 0)
  }

  /// By reference, where nobody reads; in every flavor.
  @Test(arguments: TestedFlavor.allCases)
  func chainsByReferenceGo(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ChainTests.dropChainByReference(flavor)
    }
  }

  private static func dropChainByReference(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      let counter = InstanceCounter()
      let head = Domain.Pointer<FlavorNode<Flavor>>()
      var node = FlavorNode<Flavor>(counter)
      for _ in 1..<length {
        let link = FlavorNode<Flavor>(counter)
        link.next.store(node)
        node = link
      }
      head.store(node)
      node = FlavorNode<Flavor>(counter)
      head.clear()
      Domain.barrier()
      precondition(counter.live == 1, "\(counter.live) links are left")
      // Only qsbr's threads can't be looked at.
      if Flavor.self != QuiescentStateFlavor.self {
        precondition(Domain.statistics.gracePeriodCount < 10)
      }
      withExtendedLifetime(node) {}
    }
    run(flavor.type)
  }

  @Test func chainsOfASleepableDomainGo() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ChainTests.dropSleepableChain()
    }
  }

  private static func dropSleepableChain() {
    let domain = SleepableRCU(name: "chain")
    let counter = InstanceCounter()
    let head = SleepableRCU.Pointer<SleepableNode>(protectedBy: domain)
    var node = SleepableNode(counter, domain)
    for _ in 1..<length {
      let link = SleepableNode(counter, domain)
      link.next.store(node)
      node = link
    }
    head.store(node)
    node = SleepableNode(counter, domain)
    head.clear()
    domain.barrier()
    precondition(counter.live == 1, "\(counter.live) links are left")
    precondition(domain.statistics.gracePeriodCount < 10)
    withExtendedLifetime(node) {}
  }

  /// Readers that come to a link in another way than by the chain keep it, and what follows,
  /// intact: what a destroyed link owned isn't destroyed under them.
  @Test(.stress, arguments: [TestedFlavor.bp, .memb, .mb, .qsbr])
  func readersOfLinksKeepThemStress(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      ChainTests.readLinksWhileChainsGo(flavor)
    }
  }

  private static func readLinksWhileChainsGo(_ flavor: TestedFlavor) {
    func run<Flavor: RCUFlavor>(_: Flavor.Type) {
      let world = ChainWorld<Flavor>()
      world.run(for: StressOptions.duration)
    }
    run(flavor.type)
  }

  /// Beside a reader that stays, a chain waits, is counted, and a barrier that began before it is
  /// gone waits for all of it.
  @Test func barriersWaitForWhatComesOfAChain() async {
    await #expect(processExitsWith: .exitCode(0)) {
      ChainTests.waitForChainBesideReaders()
    }
  }

  private static func waitForChainBesideReaders() {
    let counter = InstanceCounter()
    let head = RCU.Pointer<Node>()
    var node = Node(counter)
    for _ in 1..<20 {
      let link = Node(counter)
      link.next.store(node)
      node = link
    }
    head.store(node)
    node = Node(counter)
    // Readers that are always inside, one or the other, for longer than the reclaimer looks.
    let isStopping = Flag()
    let readers = (0..<3).map { index in
      RunningThread {
        usleep(UInt32(index) * 1500)
        while !isStopping.isRaised { RCU.withReadSection { _ in _ = usleep(4500) } }
      }.release()
    }
    sleepThread(for: .milliseconds(20))
    head.clear()
    RCU.barrier()
    precondition(counter.live == 1, "\(counter.live) links are left")
    isStopping.raise()
    for reader in readers { RunningThread.join(reader) }
    withExtendedLifetime(node) {}
  }
}

private final class FlavorNode<Flavor: RCUFlavor>: Sendable {
  let counter: InstanceCounter
  let next = RCUDomain<Flavor>.Pointer<FlavorNode<Flavor>>()
  init(_ counter: InstanceCounter) {
    self.counter = counter
    counter.add()
  }
  deinit { counter.remove() }
}

/// Chains that come and go, and readers that walk them; some keep a link by a reference of their
/// own, and go on from it in later sections.
private final class ChainWorld<Flavor: RCUFlavor>: @unchecked Sendable {
  // Sendable: all fields are.
  typealias Domain = RCUDomain<Flavor>

  final class Node: Sendable {
    let pointee: StressPointee
    let next = Domain.Pointer<Node>()
    init(_ counter: InstanceCounter) { pointee = StressPointee(counter) }
  }

  private let counter = InstanceCounter()
  private let head = Domain.Pointer<Node>()
  private let isStopping = Flag()
  private let violations = Atomic(0)
  private let reads = Atomic(0)

  func run(for duration: Duration) {
    let readers = (0..<2).map { _ in RunningThread { self.read() }.release() }
    let deadline = ContinuousClock.now + duration
    withReaderThread(Flavor.self) {
      repeat {
        var node = Node(counter)
        for _ in 0..<10 {
          let link = Node(counter)
          link.next.store(node)
          node = link
        }
        head.store(node)
      } while ContinuousClock.now < deadline
    }
    isStopping.raise()
    for reader in readers { RunningThread.join(reader) }
    head.clear()
    Domain.barrier()
    Domain.barrier()
    precondition(violations.load(ordering: .relaxed) == 0, "a reader met a destroyed link")
    precondition(reads.load(ordering: .relaxed) > 0, "nobody read")
    precondition(counter.live == 0, "\(counter.live) links are left")
  }

  private func read() {
    withReaderThread(Flavor.self) {
      var count = 0
      repeat {
        let first = Domain.withReadSection { head.load(in: $0)?.value }
        // Out of the section; the link's own references keep it.
        var kept = first
        first.map { if !$0.pointee.isIntact { violations.wrappingAdd(1, ordering: .relaxed) } }
        Domain.withReadSection { section in
          guard let start = kept else { return }
          guard let second = start.next.load(in: section) else { return }
          // Perhaps the last reference: what it owned goes while this section is open.
          kept = nil
          for _ in 0..<50 where !second.value.pointee.isIntact {
            violations.wrappingAdd(1, ordering: .relaxed)
          }
          guard let third = second.value.next.load(in: section) else { return }
          for _ in 0..<50 where !third.value.pointee.isIntact {
            violations.wrappingAdd(1, ordering: .relaxed)
          }
        }
        count += 1
      } while !isStopping.isRaised
      reads.wrappingAdd(count, ordering: .relaxed)
    }
  }
}
