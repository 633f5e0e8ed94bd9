// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CTorture
import Foundation
import ReadCopyUpdate

extension Torture {
  /// Sections between two announcements of a quiescent state, at most.
  private static var sectionsPerAnnouncement: Int { 16 }
  /// How deep sections are nested in each other, at most.
  private static var maximumDepth: Int { 8 }

  func runReader(_ index: Int) {
    Flavor.asReader {
      var random = Random(seed: index)
      let ages = readersAges[index]
      read(&random, ages, depth: 0)
      torture_let_handlers_read()
      readyCount.wrappingAdd(1, ordering: .releasing)
      while !isStopping {
        for _ in 0...random.next(below: Self.sectionsPerAnnouncement) {
          let isNested = settings.nests && random.isOne(in: 4)
          read(&random, ages, depth: isNested ? random.next(below: Self.maximumDepth) : 0)
        }
        Flavor.announce()
        if random.isOne(in: 4096) { Flavor.offline { usleep(200) } }
      }
    }
  }

  /// One section, with `depth` others inside it.
  func read(_ random: inout Random, _ ages: AgeHistogram, depth: Int) {
    // Now and then: it costs a lock.
    var gracePeriod: Domain.GracePeriod?
    let asks = random.isOne(in: 128)
    Domain.withReadSection { section in
      if asks { gracePeriod = Domain.startGracePeriod() }
      let slot = random.next(below: slots.count)
      if let ref = slots[slot].load(in: section) {
        look(at: ref.value, ages.found, "found", slot)
        if depth > 0 { read(&random, ages, depth: depth - 1) }
        stay(&random)
        look(at: ref.value, ages.staying, "staying with", slot)
      }
      if let gracePeriod, gracePeriod.isComplete {
        failures.report(.earlyGracePeriod, "seen by a reader of slot \(slot)")
      }
    }
    done.add(.reads)
  }

  /// Mostly leaves at once; sometimes stays, gives up its processor, or sleeps.
  private func stay(_ random: inout Random) {
    guard random.isOne(in: 8) else { return }
    switch random.next(below: 512) {
    case 0: usleep(UInt32(random.next(below: 1000)))
    case 1...16: sched_yield()
    default:
      // Not optimised away: each step is needed for the next.
      var waste = random
      for _ in 0..<random.next(below: 4000) { _ = waste.next() }
      random = waste
    }
  }

  /// Checks what a reader sees inside a section.
  @inline(__always)
  private func look(at handle: Handle, _ ages: Counts, _ when: StaticString, _ slot: Int) {
    let (isIntact, age) = inspect(handle)
    ages.add(age)
    if isIntact && age <= Age.maximumPermitted { return }
    failures.report(
      isIntact ? .age : .words, "a reader \(when) an element of slot \(slot), of age \(age)")
  }

  /// Whether everything is as it was written, and the age.
  @inline(__always)
  private func inspect(_ handle: Handle) -> (isIntact: Bool, age: Int) {
    // A handle that was freed leads nowhere.
    guard handle.isIntact, handle.element < elements.count else { return (false, Age.end) }
    let age = min(elements.age(of: handle.element), Age.end)
    return (elements.isIntact(handle.element, serial: handle.serial), age)
  }

  /// Two nested sections, in a signal handler: no lock, no allocation.
  func readInHandler() {
    guard torture_handlers_may_read(), isReader() else { return }
    Domain.withReadSection { section in
      for index in 0..<slots.count {
        guard let ref = slots[index].load(in: section) else { continue }
        lookInHandler(at: ref.value, handlerAges.found)
        Domain.withReadSection { inner in
          guard let second = slots[index].load(in: inner) else { return }
          lookInHandler(at: second.value, handlerAges.staying)
        }
        lookInHandler(at: ref.value, handlerAges.staying)
      }
    }
    done.add(.signals)
  }

  @inline(__always)
  private func lookInHandler(at handle: Handle, _ ages: Counts) {
    let (isIntact, age) = inspect(handle)
    ages.add(age)
    if !isIntact || age > Age.maximumPermitted { failures.countInHandler(.signal) }
  }
}
