// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@Suite struct MembarrierTests {
  private typealias Domain = RCUDomain<MembarrierFlavor>

  @Test func registeredThreadReads() {
    let pointer = Domain.Pointer(42)
    let value = Domain.withRegisteredThread {
      Domain.withReadSection { section in pointer.load(in: section)?.value }
    }
    #expect(value == 42)
  }

  @Test func registrationNests() {
    let depth = Domain.withRegisteredThread {
      Domain.withRegisteredThread {
        Domain.withReadSection { _ in }
      }
      // Still registered: the inner call didn't take it away.
      return Domain.withReadSection { _ in Domain.isInReadSection ? 2 : 0 }
    }
    #expect(depth == 2)
  }

  @Test func flavorsDoNotShareSections() {
    Domain.withRegisteredThread {
      Domain.withReadSection { _ in
        #expect(!RCU.isInReadSection)
        // Waits for bp's readers only.
        RCU.synchronize()
      }
    }
  }

  @Test func retiredPointeesAreDestroyed() {
    let counter = InstanceCounter()
    let shared = Shared(counter)
    runThreads(4) { index in
      if index == 0 {
        for value in 0..<2000 { shared.pointer.store(Counted(value, shared.counter)) }
      } else {
        Domain.withRegisteredThread {
          for _ in 0..<2000 {
            let isValid = Domain.withReadSection { section in
              guard let counted = shared.pointer.load(in: section) else { return false }
              return counted.value.value >= 0
            }
            precondition(isValid)
          }
        }
      }
    }
    Domain.barrier()
    #expect(counter.created == 2001)
    #expect(counter.live == 1)
  }

  private final class Shared: Sendable {
    let pointer: Domain.Pointer<Counted>
    let counter: InstanceCounter
    init(_ counter: InstanceCounter) {
      self.counter = counter
      pointer = Domain.Pointer(Counted(0, counter))
    }
  }

  @Test func synchronizeWaitsForARegisteredReader() {
    let (opened, release, returned) = (Flag(), Flag(), Flag())
    let reader = RunningThread {
      Domain.withRegisteredThread {
        Domain.withReadSection { _ in
          opened.raise()
          release.wait()
        }
      }
    }
    opened.wait()
    let waiter = RunningThread {
      Domain.synchronize()
      returned.raise()
    }
    for _ in 0..<1000 { yieldThread() }
    #expect(!returned.isRaised)
    release.raise()
    reader.join()
    waiter.join()
  }
}
