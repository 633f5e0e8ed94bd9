// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

@testable import ReadCopyUpdate
import TestSupport
import Testing

/// All flavors, for what is tested alike.
enum TestedFlavor: String, CaseIterable, Codable, Sendable, CustomTestStringConvertible {
  case bp, memb, mb, qsbr

  var testDescription: String { rawValue }

  var type: any RCUFlavor.Type {
    switch self {
    case .bp: BulletproofFlavor.self
    case .memb: MembarrierFlavor.self
    case .mb: MemoryBarrierFlavor.self
    case .qsbr: QuiescentStateFlavor.self
    }
  }

  static var registering: [TestedFlavor] { [.memb, .mb, .qsbr] }
}

@Suite struct FlavorTests {
  @Test(arguments: TestedFlavor.allCases)
  func sectionsNest(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      withReaderThread(Flavor.self) {
        #expect(!Domain.isInReadSection)
        for depth in 1...100 {
          nest(depth) {
            #expect(Domain.isInReadSection)
          }
          #expect(!Domain.isInReadSection)
        }
      }
      func nest(_ depth: Int, _ body: () -> Void) {
        if depth == 0 { return body() }
        Domain.withReadSection { _ in nest(depth - 1, body) }
      }
    }
    check(flavor.type)
  }

  @Test(arguments: TestedFlavor.allCases)
  func everythingRetiredIsDestroyed(_ flavor: TestedFlavor) async {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) async {
      typealias Domain = RCUDomain<Flavor>
      let counter = InstanceCounter()
      let pointer = Domain.Pointer(Counted(0, counter))
      for value in 1...1000 { pointer.store(Counted(value, counter)) }
      await Domain.barrier()
      #expect(counter.live == 1 && counter.created == 1001)
      pointer.clear()
      await Domain.synchronize()
      await Domain.barrier()
      #expect(counter.live == 0)
    }
    await check(flavor.type)
  }

  @Test(arguments: TestedFlavor.allCases)
  func synchronizeWaitsForAReader(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      let section = HeldSection<Flavor>()
      let returned = Flag()
      let waiter = RunningThread {
        RCUDomain<Flavor>.synchronize()
        returned.raise()
      }
      for _ in 0..<200 { yieldThread() }
      #expect(!returned.isRaised)
      section.end()
      waiter.join()
    }
    check(flavor.type)
  }

  /// A registered thread that ends, whatever state it is in, holds up nobody.
  @Test(arguments: TestedFlavor.allCases)
  func threadsMayEndInsideASection(_ flavor: TestedFlavor) async {
    await #expect(processExitsWith: .exitCode(0)) { [flavor] in
      FlavorTests.checkThreadsMayEndInsideASection(flavor)
    }
  }

  private static func checkThreadsMayEndInsideASection(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      typealias Domain = RCUDomain<Flavor>
      for _ in 0..<50 {
        runThreads(4) { _ in
          if let flavor = Flavor.self as? any ThreadRegisteringFlavor.Type {
            unsafe flavor._registerThread()
          }
          unsafe Flavor._enterReadSection()
          // The thread ends here, without leaving.
        }
        Domain.synchronize()
        Domain.afterGracePeriod {}
        Domain.barrier()
      }
      precondition(Domain.registeredThreadCount <= 2, "ended threads are still on the list")
    }
    check(flavor.type)
  }

  @Test(arguments: TestedFlavor.registering)
  func unregisteredReadersTrap(_ flavor: TestedFlavor) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [flavor] in
      FlavorTests.checkUnregisteredReadersTrap(flavor)
    }
    expectMessage(of: result, names: ["withRegisteredThread"])
  }

  private static func checkUnregisteredReadersTrap(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      RCUDomain<Flavor>.withReadSection { _ in }
    }
    check(flavor.type)
  }

  /// Registration by hand, for pools with calls at the start and the stop of a thread.
  @Test func threadsRegisterWithoutAClosure() {
    typealias Domain = RCUDomain<MemoryBarrierFlavor>
    RunningThread {
      #expect(!Domain.isThreadRegistered)
      Domain.registerThread()
      #expect(Domain.isThreadRegistered)
      Domain.withReadSection { _ in }
      Domain.withRegisteredThread { Domain.withReadSection { _ in } }
      #expect(Domain.isThreadRegistered)
      Domain.unregisterThread()
      #expect(!Domain.isThreadRegistered)
      // The thread's end does it otherwise.
      Domain.registerThread()
    }.join()
    Domain.synchronize()
  }

  @Test(arguments: ["twice", "not", "inside"])
  func wrongRegistrationsTrap(_ kind: String) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [kind] in
      FlavorTests.registerWrongly(kind)
    }
    expectMessage(of: result, names: ["registerThread()"])
  }

  private static func registerWrongly(_ kind: String) {
    typealias Domain = RCUDomain<MembarrierFlavor>
    if kind == "not" { Domain.unregisterThread() }
    Domain.registerThread()
    if kind == "twice" { Domain.registerThread() }
    Domain.withReadSection { _ in Domain.unregisterThread() }
  }

  @Test(arguments: TestedFlavor.registering)
  func readersThatAreNoLongerRegisteredTrap(_ flavor: TestedFlavor) async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { [flavor] in
      FlavorTests.checkReadersThatAreNoLongerRegisteredTrap(flavor)
    }
    expectMessage(of: result, names: ["withRegisteredThread"])
  }

  private static func checkReadersThatAreNoLongerRegisteredTrap(_ flavor: TestedFlavor) {
    func check<Flavor: RCUFlavor>(_: Flavor.Type) {
      withReaderThread(Flavor.self) { RCUDomain<Flavor>.withReadSection { _ in } }
      RCUDomain<Flavor>.withReadSection { _ in }
    }
    check(flavor.type)
  }

  /// A thread on the list is named from its first section on, and forgotten at its end.
  @Test func listFollowsThreads() {
    typealias Domain = RCUDomain<MemoryBarrierFlavor>
    let before = Domain.registeredThreadCount
    Domain.withRegisteredThread {
      #expect(Domain.registeredThreadCount == before + 1)
    }
    #expect(Domain.registeredThreadCount == before)
  }

}

// MARK: - qsbr

@Suite struct QuiescentStateTests {
  private typealias Domain = RCUDomain<QuiescentStateFlavor>

  /// A grace period waits for the announcement, not for the section's end; after a section without
  /// checks too.
  @Test(arguments: [true, false])
  func gracePeriodWaitsForTheQuiescentState(isChecked: Bool) {
    let counter = InstanceCounter()
    let pointer = Domain.Pointer(Counted(7, counter))
    let (read, announces, returned, done) = (Flag(), Flag(), Flag(), Flag())
    let reader = RunningThread {
      Domain.withRegisteredThread {
        let value =
          isChecked
          ? Domain.withReadSection { pointer.load(in: $0)?.value.value }
          : unsafe Domain.withUncheckedReadSection { pointer.load(in: $0)?.value.value }
        precondition(value == 7)
        read.raise()
        announces.wait()
        while !returned.isRaised { Domain.quiescentState() }
        Domain.offline { done.wait() }
      }
    }
    read.wait()
    let waiter = RunningThread {
      Domain.synchronize()
      returned.raise()
    }
    for _ in 0..<200 { yieldThread() }
    #expect(!returned.isRaised)
    announces.raise()
    waiter.join()
    // The reader is offline now: nobody waits for it.
    Domain.synchronize()
    done.raise()
    reader.join()
  }

  /// The waits of the module take an online thread offline: it would wait for itself.
  @Test func onlineThreadsMayWait() {
    Domain.withRegisteredThread {
      let counter = InstanceCounter()
      let pointer = Domain.Pointer(Counted(0, counter))
      for value in 0..<100 {
        pointer.store(Counted(value, counter))
        Domain.synchronize()
      }
      Domain.startGracePeriod().wait()
      Domain.barrier()
      #expect(counter.live == 1)
      Domain.withReadSection { _ in #expect(Domain.isInReadSection) }
    }
  }

  @Test func waitingPastALimitGoesOffline() async {
    await #expect(processExitsWith: .exitCode(0)) {
      RCUDomain<QuiescentStateFlavor>.limits = RCULimits(maximumPendingCount: 10)
      withReaderThread(QuiescentStateFlavor.self) {
        for _ in 0..<10_000 { RCUDomain<QuiescentStateFlavor>.afterGracePeriod {} }
      }
    }
  }

  @Test func quiescentStateInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      withReaderThread(QuiescentStateFlavor.self) {
        RCUDomain<QuiescentStateFlavor>.withReadSection { _ in
          RCUDomain<QuiescentStateFlavor>.quiescentState()
        }
      }
    }
    expectMessage(of: result, names: ["quiescentState", "leave the section first"])
  }

  @Test func offlineInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      withReaderThread(QuiescentStateFlavor.self) {
        RCUDomain<QuiescentStateFlavor>.withReadSection { _ in
          RCUDomain<QuiescentStateFlavor>.offline {}
        }
      }
    }
    expectMessage(of: result, names: ["offline", "leave the section first"])
  }

  @Test func synchronizeInsideASectionTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      withReaderThread(QuiescentStateFlavor.self) {
        RCUDomain<QuiescentStateFlavor>.withReadSection { _ in
          RCUDomain<QuiescentStateFlavor>.synchronize()
        }
      }
    }
    expectMessage(of: result, names: ["synchronize()", "leave the section first"])
  }

  @Test func readingOfflineTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      withReaderThread(QuiescentStateFlavor.self) {
        RCUDomain<QuiescentStateFlavor>.offline {
          RCUDomain<QuiescentStateFlavor>.withReadSection { _ in }
        }
      }
    }
    expectMessage(of: result, names: ["offline"])
  }
}
