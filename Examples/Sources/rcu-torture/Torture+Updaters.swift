// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CTorture
import Foundation
import ReadCopyUpdate

/// How an updater lets a grace period pass.
private enum Waiting: Int, CaseIterable {
  case synchronize, synchronizeExpedited, reclaim, startAndWait, poll, deferredCalls, barrier, tasks
}

/// One updater's own state.
private struct Updater<Flavor: RCUFlavor> {
  let slot: Int
  var random: Random
  var serial: UInt64
  /// The element that is published; `nil` before the first.
  var published: Int?
  var next = 0
  /// Taken out, to grow older with each grace period that the updater waits for.
  var waiting: [Int] = []
  /// Taken out, with the grace period that was started last.
  var polled: [(element: Int, gracePeriod: RCUDomain<Flavor>.GracePeriod)] = []

  init(slot: Int) {
    self.slot = slot
    random = Random(seed: 1000 + slot)
    // No two updaters share a serial.
    serial = UInt64(slot) << 48
  }
}

extension Torture {
  func runUpdater(_ index: Int) {
    Flavor.asReader {
      var updater = Updater<Flavor>(slot: index)
      update(&updater)
      var random = Random(seed: index)
      read(&random, handlerAges, depth: 0)
      torture_let_handlers_read()
      readyCount.wrappingAdd(1, ordering: .releasing)
      while !isStopping {
        update(&updater)
        agePolled(&updater)
        Flavor.announce()
        if updater.random.isOne(in: 64) { Flavor.offline { usleep(100) } }
      }
    }
  }

  /// Publishes one element, takes the one before it out, and lets grace periods pass.
  private func update(_ updater: inout Updater<Flavor>) {
    guard let element = freeElement(&updater) else { return }
    updater.serial += 1
    let handle = Handle(serial: updater.serial, element: element)
    let isLate = settings.mutant == .lateWords
    if isLate {
      elements.writeAgeOnly(element)
    } else {
      elements.write(element, serial: updater.serial)
    }
    let old = slots[updater.slot].exchange(handle)
    if isLate {
      // As if it were preempted here.
      usleep(200)
      elements.write(element, serial: updater.serial)
    }
    let takenOut = updater.published
    updater.published = element
    done.add(.updates)
    guard let takenOut else { return }
    elements.takenOut(takenOut)
    let way = Waiting(rawValue: updater.random.next(below: Waiting.allCases.count))!
    if way == .reclaim {
      old?.reclaim()
      updater.waiting.append(takenOut)
      ageWaiting(&updater)
    } else {
      // Its handle is freed after a grace period; past the limits this waits.
      _ = consume old
      letGracePeriodsPass(way, takenOut, &updater)
    }
  }

  /// The next element that is free; if there is none, after a barrier: `nil` if still none is.
  private func freeElement(_ updater: inout Updater<Flavor>) -> Int? {
    let first = updater.slot * Settings.elementsPerUpdater
    for _ in 0..<Settings.elementsPerUpdater {
      let element = first + updater.next
      updater.next = (updater.next + 1) % Settings.elementsPerUpdater
      if elements.isFree(element) { return element }
    }
    Domain.barrier()
    ageWaiting(&updater)
    return nil
  }

  private func letGracePeriodsPass(
    _ way: Waiting, _ element: Int, _ updater: inout Updater<Flavor>
  ) {
    switch way {
    case .synchronize, .reclaim:
      updater.waiting.append(element)
      Domain.synchronize()
      ageWaiting(&updater)
    case .synchronizeExpedited:
      updater.waiting.append(element)
      Domain.synchronizeExpedited()
      ageWaiting(&updater)
    case .startAndWait:
      updater.waiting.append(element)
      Domain.startGracePeriod().wait()
      ageWaiting(&updater)
    case .poll:
      updater.polled.append((element, Domain.startGracePeriod()))
    case .deferredCalls:
      outstanding.wrappingAdd(1, ordering: .relaxed)
      ageByDeferredCalls(element)
    case .barrier:
      outstanding.wrappingAdd(1, ordering: .relaxed)
      ageByDeferredCalls(element)
      Domain.barrier()
      // The first call has run: it made it 2 or has been followed by others.
      if elements.age(of: element) < 2 {
        failures.report(.barrier, "the element's age is \(elements.age(of: element))")
      }
    case .tasks:
      outstanding.wrappingAdd(1, ordering: .relaxed)
      ageByTask(element)
    }
  }

  /// A grace period has passed since all of these were taken out.
  private func ageWaiting(_ updater: inout Updater<Flavor>) {
    updater.waiting.removeAll { elements.growOlder($0) }
  }

  /// Those whose grace period is over wait for the next one.
  private func agePolled(_ updater: inout Updater<Flavor>) {
    updater.polled = updater.polled.compactMap { element, gracePeriod in
      guard gracePeriod.isComplete else { return (element, gracePeriod) }
      return elements.growOlder(element) ? nil : (element, Domain.startGracePeriod())
    }
  }

  /// One deferred call after the other.
  private func ageByDeferredCalls(_ element: Int) {
    done.add(.deferredCalls)
    Domain.afterGracePeriod {
      guard self.elements.growOlder(element) else { return self.ageByDeferredCalls(element) }
      // Releasing. Pairs with `drain`.
      self.outstanding.wrappingSubtract(1, ordering: .releasing)
    }
  }

  /// A task that suspends for one grace period after the other.
  private func ageByTask(_ element: Int) {
    Task.detached {
      var isBarrier = false
      repeat {
        if isBarrier { await Domain.barrier() }
        // A barrier need not contain a grace period.
        await Domain.synchronize()
        isBarrier.toggle()
      } while !self.elements.growOlder(element)
      self.outstanding.wrappingSubtract(1, ordering: .releasing)
    }
  }
}
