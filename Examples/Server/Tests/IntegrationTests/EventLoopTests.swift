// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import NIOCore
import NIOPosix
import ReadCopyUpdate
import Testing

private typealias Domain = RCUDomain<QuiescentStateFlavor>

@Suite(.serialized) struct EventLoopTests {
  private final class Value: Sendable {
    let number: Int
    init(_ number: Int) { self.number = number }
  }

  /// Loops read, and hold no grace period up while they wait.
  @Test func idleLoopsHoldNothingUp() async throws {
    let pointer = Domain.Pointer(Value(-1))
    // The reclaimer's thread, which is a reader, too, starts with the first retirement.
    pointer.store(Value(0))
    await Domain.barrier()
    let countBefore = Domain.registeredThreadCount
    let group = MultiThreadedEventLoopGroup(
      numberOfThreads: 2, metricsDelegate: EventLoopQuiescence())
    for number in 1...200 {
      let loop = group.next()
      let seen = try await loop.submit {
        let first = Domain.withEventLoopReadSection { pointer.load(in: $0)!.value.number }
        // The thread is online until the tick ends.
        let second = Domain.withReadSection { pointer.load(in: $0)!.value.number }
        return (first, second)
      }.get()
      #expect(seen == (number - 1, number - 1))
      pointer.store(Value(number))
      await Domain.synchronize()
    }
    await Domain.barrier()
    try await group.shutdownGracefully()
    // Their threads end.
    while Domain.registeredThreadCount > countBefore { try await Task.sleep(for: .milliseconds(1)) }
  }

  /// The canary: without the delegate, a loop that has read holds every grace period up.
  @Test func loopsWithoutADelegateDo() async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    try await loop.submit { Domain.withEventLoopReadSection { _ in } }.get()
    let period = Domain.startGracePeriod()
    try await Task.sleep(for: .milliseconds(200))
    #expect(!period.isComplete)
    try await loop.submit { Domain.quiescentState() }.get()
    await period.wait()
    try await group.shutdownGracefully()
  }
}
