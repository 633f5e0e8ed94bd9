// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
@testable import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

/// Small concurrent programs with an outcome that RCU forbids. Everything in them is relaxed but
/// RCU itself.
///
/// They all follow from one guarantee: *if any part of a section precedes the start of a grace
/// period, all of the section precedes its end*; and its counterpart: if any part of it follows the
/// end, all of it follows the start. Variables are 0 at first; `{ }` is a section, GP a grace
/// period.
enum LitmusPattern: String, CaseIterable, Codable, CustomTestStringConvertible {
  /// reader { r0 = x; r1 = y }, updater: x = 1; GP; y = 1. Forbidden: r0 = 0, r1 = 1.
  /// r0 = 0: that part precedes the start; so the other precedes the end, and y = 1.
  case removal
  /// reader { y = 1; r1 = x }, updater: x = 1; GP; r0 = y. Forbidden: r0 = 0, r1 = 0.
  /// r1 = 0: that part precedes the start; so y = 1 precedes the end, and the updater sees it.
  case storeBuffering
  /// reader { r0 = x; y = 1 }, updater: x = 1; GP; r1 = y. Forbidden: r0 = 0, r1 = 0.
  /// As before; here the processor would have to delay nothing.
  case announcement
  /// reader { r0 = x; y = 1 }, updater: r1 = y; GP; x = 1. Forbidden: r0 = 1, r1 = 1.
  /// r1 = 1: y = 1 precedes the start; so r0 precedes the end, and x = 1.
  case loadBuffering
  /// reader { y = 1; r0 = x }, updater: r1 = y; GP; x = 1. Forbidden: r0 = 1, r1 = 1.
  /// The same in the other order.
  case lateLook
  /// readers i = 0, 1 { ri = x; yi = 1 }, updater: x = 1; GP; si = yi. Forbidden: ri = 0, si = 0.
  /// One grace period waits for each reader.
  case twoReaders
  /// reader { r0 = x; { }; r1 = y; r2 = z }, updater: x = 1; GP; y = 1; GP; z = 1.
  /// Forbidden: r0 = 0 with r1 = 1 or r2 = 1, and r1 = 0 with r2 = 1.
  /// Sections span neither grace period, and an inner section that ends doesn't end the outer one.
  case twoGracePeriods
  /// P0 { y = 1; r0 = x }, P1: r1 = y; GP; z = 1, P2 { w = 1; r2 = z }, P3: r3 = w; GP; x = 1.
  /// Forbidden: all 1. r1: P0 ends before P1's GP, hence before z = 1, which P2 sees; r3: P2 ends
  /// before P3's GP, hence before x = 1, which P0 sees: P0 would end before itself.
  case ring
  /// reader { p = pointer; r0 = p.first, r1 = p.second }, writer: publishes a complete message.
  /// Forbidden: the two differ. The publication releases, the load acquires.
  case messagePassing

  var testDescription: String { rawValue }
}

/// What is left out.
enum LitmusMutation: String, Codable {
  case nothing, section, gracePeriod, completeness
}

extension LitmusPattern {
  /// The mutants for which x86-64 shows the forbidden outcome.
  ///
  /// - `loadBuffering`: none. A load is never delayed past a later store there.
  /// - `storeBuffering` without the section: bp's grace period is a barrier in every thread, which
  ///   orders the reader by itself. Without the grace period: optimised only. Else there is too
  ///   much between the store and the load, and the sanitizer's own barriers.
  /// - `messagePassing` with relaxed instead of releasing and acquiring: stores stay in order
  ///   there, and so do loads. Shown is a message that is published before it is complete.
  var visibleMutations: [LitmusMutation] {
    switch self {
    case .loadBuffering: []
    case .storeBuffering:
      isThreadSanitizerBuild || !isOptimizedBuild ? [] : [.gracePeriod]
    case .messagePassing: [.completeness]
    default: [.section, .gracePeriod]
    }
  }

  func litmus<Flavor: RCUFlavor>(_: Flavor.Type, mutation: LitmusMutation) -> Litmus {
    let gracePeriod = LitmusGracePeriod<Flavor>(isBare: mutation == .gracePeriod)
    return switch self {
    case .messagePassing:
      messagePassing(Flavor.self, publishesEarly: mutation == .completeness)
    case .storeBuffering: storeBuffering(gracePeriod)
    case .twoReaders: twoReaders(gracePeriod)
    case .twoGracePeriods: twoGracePeriods(gracePeriod)
    case .ring: ring(gracePeriod)
    default: readerAndUpdater(gracePeriod)
    }
  }

  private func readerAndUpdater<Flavor: RCUFlavor>(_ gracePeriod: LitmusGracePeriod<Flavor>)
    -> Litmus
  {
    switch self {
    case .removal:
      Litmus(
        parts: [
          section(Flavor.self, { $0.record(0, $0.isSet(.x)) }, { $0.record(1, $0.isSet(.y)) }),
          updater(gracePeriod, { $0.set(.x) }, { $0.set(.y) }),
        ], isForbidden: { !$0[0] && $0[1] })
    case .announcement:
      Litmus(
        parts: [
          section(Flavor.self, { $0.record(0, $0.isSet(.x)) }, { $0.set(.y) }),
          updater(gracePeriod, { $0.set(.x) }, { $0.record(1, $0.isSet(.y)) }),
        ], isForbidden: { !$0[0] && !$0[1] })
    case .loadBuffering:
      Litmus(
        parts: [
          section(Flavor.self, { $0.record(0, $0.isSet(.x)) }, { $0.set(.y) }),
          updater(gracePeriod, { $0.record(1, $0.isSet(.y)) }, { $0.set(.x) }),
        ], isForbidden: { $0[0] && $0[1] })
    default:
      Litmus(
        parts: [
          section(Flavor.self, { $0.set(.y) }, { $0.record(0, $0.isSet(.x)) }),
          updater(gracePeriod, { $0.record(1, $0.isSet(.y)) }, { $0.set(.x) }),
        ], isForbidden: { $0[0] && $0[1] })
    }
  }

  /// Written out: a call of a closure counts references in unoptimised code, which orders memory.
  /// In every other round the stores are seen late, so that the threads needn't come to them at the
  /// very same time.
  private func storeBuffering<Flavor: RCUFlavor>(_ gracePeriod: LitmusGracePeriod<Flavor>)
    -> Litmus
  {
    let cold = (LitmusColdMemory(), LitmusColdMemory())
    return Litmus(
      parts: [
        { thread in
          thread.pauseBriefly()
          RCUDomain<Flavor>.withReadSection { _ in
            cold.0.delayStores(&thread)
            thread.set(.y)
            thread.record(1, thread.isSet(.x))
          }
        },
        { thread in
          thread.pauseBriefly()
          cold.1.delayStores(&thread)
          thread.set(.x)
          gracePeriod.wait(&thread)
          thread.record(0, thread.isSet(.y))
        },
      ], isForbidden: { !$0[0] && !$0[1] })
  }

  private func twoReaders<Flavor: RCUFlavor>(_ gracePeriod: LitmusGracePeriod<Flavor>) -> Litmus {
    Litmus(
      parts: [
        updater(
          gracePeriod, { $0.set(.x) },
          {
            $0.record(2, $0.isSet(.y))
            $0.record(3, $0.isSet(.z))
          }),
        section(Flavor.self, { $0.record(0, $0.isSet(.x)) }, { $0.set(.y) }),
        section(Flavor.self, { $0.record(1, $0.isSet(.x)) }, { $0.set(.z) }),
      ], isForbidden: { (!$0[0] && !$0[2]) || (!$0[1] && !$0[3]) })
  }

  private func twoGracePeriods<Flavor: RCUFlavor>(_ gracePeriod: LitmusGracePeriod<Flavor>)
    -> Litmus
  {
    Litmus(
      parts: [
        { thread in
          thread.pause()
          RCUDomain<Flavor>.withReadSection { _ in
            thread.record(0, thread.isSet(.x))
            RCUDomain<Flavor>.withReadSection { _ in thread.pause() }
            thread.record(1, thread.isSet(.y))
            thread.pause()
            thread.record(2, thread.isSet(.z))
          }
        },
        { thread in
          thread.pause()
          thread.set(.x)
          gracePeriod.wait(&thread)
          thread.set(.y)
          gracePeriod.wait(&thread)
          thread.set(.z)
        },
      ], isForbidden: { (!$0[0] && ($0[1] || $0[2])) || (!$0[1] && $0[2]) })
  }

  private func ring<Flavor: RCUFlavor>(_ gracePeriod: LitmusGracePeriod<Flavor>) -> Litmus {
    Litmus(
      parts: [
        section(Flavor.self, { $0.set(.y) }, { $0.record(0, $0.isSet(.x)) }),
        updater(gracePeriod, { $0.record(1, $0.isSet(.y)) }, { $0.set(.z) }),
        section(Flavor.self, { $0.set(.w) }, { $0.record(2, $0.isSet(.z)) }),
        updater(gracePeriod, { $0.record(3, $0.isSet(.w)) }, { $0.set(.x) }),
      ], isForbidden: { $0[0] && $0[1] && $0[2] && $0[3] })
  }

  private func messagePassing<Flavor: RCUFlavor>(_: Flavor.Type, publishesEarly: Bool) -> Litmus {
    let mailbox = LitmusMailbox<Flavor>()
    return Litmus(
      parts: [
        { thread in
          thread.pause()
          RCUDomain<Flavor>.withReadSection { section in
            guard let message = mailbox.pointer.load(in: section) else { return }
            let first = message.value.first.load(ordering: .relaxed)
            thread.record(0, first != message.value.second.load(ordering: .relaxed))
          }
        },
        { thread in
          thread.pause()
          mailbox.publish(&thread, completes: !publishesEarly)
        },
      ], isForbidden: { $0[0] })
  }
}

// MARK: - Parts

/// A section with two steps.
private func section<Flavor: RCUFlavor>(
  _: Flavor.Type, _ first: @escaping Litmus.Part, _ second: @escaping Litmus.Part
) -> Litmus.Part {
  { thread in
    thread.pause()
    RCUDomain<Flavor>.withReadSection { _ in
      first(&thread)
      thread.pauseInside()
      second(&thread)
    }
  }
}

/// Two steps with a grace period between them.
private func updater<Flavor: RCUFlavor>(
  _ gracePeriod: LitmusGracePeriod<Flavor>, _ first: @escaping Litmus.Part,
  _ second: @escaping Litmus.Part
) -> Litmus.Part {
  { thread in
    thread.pause()
    first(&thread)
    gracePeriod.wait(&thread)
    second(&thread)
  }
}

/// Lets a grace period pass, in each way in turn.
struct LitmusGracePeriod<Flavor: RCUFlavor>: Sendable {
  typealias Domain = RCUDomain<Flavor>

  /// Only the flavor's own. The other ways take locks, which order memory by themselves: without
  /// a grace period in them they still hide what a processor does.
  let isBare: Bool

  @inline(__always)
  func wait(_ thread: inout LitmusThread) {
    if isBare || thread.round.isMultiple(of: 4) { return Flavor._waitForGracePeriod() }
    waitByDomain(thread.round)
  }

  @inline(never)
  private func waitByDomain(_ round: UInt64) {
    switch round / 4 % 4 {
    case 0: Domain.synchronize()
    case 1: Domain.synchronizeExpedited()
    case 2: Domain.startGracePeriod().wait()
    default:
      let hasRun = Flag()
      Domain.afterGracePeriod { hasRun.raise() }
      Flavor.source.whileBlocked { hasRun.wait() }
    }
  }
}

/// Where messages are published.
private final class LitmusMailbox<Flavor: RCUFlavor>: Sendable {
  struct Message: ~Copyable, Sendable {
    let first: Atomic<UInt64>
    let second: Atomic<UInt64>
  }
  let pointer = RCUDomain<Flavor>.Pointer<Message>()

  func publish(_ thread: inout LitmusThread, completes: Bool) {
    let value = thread.round
    pointer.store(Message(first: Atomic(value), second: Atomic(completes ? value : 0)))
    guard !completes else { return }
    // Where the threads share a processor, the reader must come between.
    thread.pause()
    RCUDomain<Flavor>.withReadSection { section in
      pointer.load(in: section)?.value.second.store(value, ordering: .relaxed)
    }
  }
}
