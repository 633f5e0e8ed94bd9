// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A plug-in that is linked statically with a copy of the library of its own. It is built twice, as
// PluginA and PluginB, and does what its host asks for; plugin.h says what the functions are for.

import Glibc
import ReadCopyUpdate
import Synchronization
import VirtualMemory

/// What a function of the host looks like that a plug-in calls inside a section.
public typealias Body = @convention(c) (UnsafeMutableRawPointer?) -> Void

// MARK: - Sections

@_cdecl("plugin_read")
public func read(_ count: Int32) {
  for _ in 0..<count { RCU.withReadSection { _ in } }
}

@_cdecl("plugin_listed_count")
public func listedCount() -> Int32 { Int32(RCU.registeredThreadCount) }

@_cdecl("plugin_register")
public func register(_ flavor: Int32, _ body: Body, _ context: UnsafeMutableRawPointer?) {
  switch flavor {
  case 1: RCUDomain<MembarrierFlavor>.withRegisteredThread { body(context) }
  case 2: RCUDomain<MemoryBarrierFlavor>.withRegisteredThread { body(context) }
  default: RCUDomain<QuiescentStateFlavor>.withRegisteredThread { body(context) }
  }
}

@_cdecl("plugin_go_offline")
public func goOffline(_ body: Body, _ context: UnsafeMutableRawPointer?) {
  RCUDomain<QuiescentStateFlavor>.offline { body(context) }
}

@_cdecl("plugin_wait")
public func wait(_ flavor: Int32) {
  func wait<Flavor: RCUFlavor>(_: Flavor.Type) {
    RCUDomain<Flavor>.synchronize()
    RCUDomain<Flavor>.barrier()
  }
  switch flavor {
  case 0: wait(BulletproofFlavor.self)
  case 1: wait(MembarrierFlavor.self)
  case 2: wait(MemoryBarrierFlavor.self)
  default: wait(QuiescentStateFlavor.self)
  }
}

// MARK: - Values behind a pointer

/// A value that shows when it is read after its destruction, or in pieces.
struct Value: ~Copyable, Sendable {
  private let serial: UInt64
  /// Always `~serial`.
  private let complement: UInt64

  /// How many there are.
  static let liveCount = Atomic<Int32>(0)
  private static let serials = Atomic<UInt64>(1)
  /// The serials of values that were destroyed lately, each in the slot of its remainder.
  private static let destroyed = DestroyedSerials()

  init() {
    serial = Self.serials.wrappingAdd(1, ordering: .relaxed).oldValue
    complement = ~serial
    Self.liveCount.wrappingAdd(1, ordering: .relaxed)
  }

  deinit {
    Self.destroyed.insert(serial)
    Self.liveCount.wrappingSubtract(1, ordering: .relaxed)
  }

  var isIntact: Bool { serial == ~complement && !Self.destroyed.contains(serial) }
}

/// A later destruction in the same slot hides an earlier one; nothing is ever reported wrongly.
private struct DestroyedSerials: ~Copyable, @unchecked Sendable {
  // Sendable: all access is atomic. Never freed.
  private static let slotCount = 1 << 16
  private let slots = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: slotCount)

  init() {
    for index in 0..<Self.slotCount { (slots + index).initialize(to: Atomic(0)) }
  }

  func insert(_ serial: UInt64) {
    slots[Int(serial) % Self.slotCount].store(serial, ordering: .relaxed)
  }

  func contains(_ serial: UInt64) -> Bool {
    slots[Int(serial) % Self.slotCount].load(ordering: .relaxed) == serial
  }
}

/// One for each flavor.
enum Pointers {
  static let bp = RCU.Pointer(Value())
  static let memb = RCUDomain<MembarrierFlavor>.Pointer(Value())
  static let mb = RCUDomain<MemoryBarrierFlavor>.Pointer(Value())
  static let qsbr = RCUDomain<QuiescentStateFlavor>.Pointer(Value())
}

@_cdecl("plugin_visit")
public func visit(_ flavor: Int32, _ body: Body?, _ context: UnsafeMutableRawPointer?) -> Bool {
  func visit<Flavor>(_ pointer: borrowing RCUDomain<Flavor>.Pointer<Value>) -> Bool {
    RCUDomain<Flavor>.withReadSection { section in
      guard let value = pointer.load(in: section) else { return false }
      guard value.value.isIntact else { return false }
      body?(context)
      return value.value.isIntact
    }
  }
  switch flavor {
  case 0: return visit(Pointers.bp)
  case 1: return visit(Pointers.memb)
  case 2: return visit(Pointers.mb)
  default: return visit(Pointers.qsbr)
  }
}

@_cdecl("plugin_replace")
public func replace(_ flavor: Int32, _ count: Int32) {
  for _ in 0..<count {
    switch flavor {
    case 0: Pointers.bp.store(Value())
    case 1: Pointers.memb.store(Value())
    case 2: Pointers.mb.store(Value())
    default: Pointers.qsbr.store(Value())
    }
  }
}

@_cdecl("plugin_live_count")
public func liveCount() -> Int32 { Value.liveCount.load(ordering: .relaxed) }

// MARK: - An address space

/// Neighbours differ, so that they stay apart.
let space: AddressSpace = {
  let space = AddressSpace()
  for index in 0..<minimumMapped {
    mapPages(1, index % 2 == 0 ? .read : [.read, .write], in: space)
  }
  return space
}()

private let minimumMapped = 5000
/// In the midst of `change`.
private let maximumMapped = minimumMapped + 2

@discardableResult
private func mapPages(_ count: UInt64, _ protection: Protection, in space: AddressSpace) -> UInt64 {
  do {
    return try space.systemCalls.mmap(
      length: count * AddressSpace.pageSize, protection: protection, flags: .private)
  } catch {
    fatalError("map: \(error)")
  }
}

@_cdecl("plugin_change")
public func change(_ count: Int32) {
  for _ in 0..<count {
    let start = mapPages(2, [.read, .execute], in: space)
    do {
      try space.systemCalls.mprotect(start, length: AddressSpace.pageSize, .read)
      try space.systemCalls.munmap(start, length: 2 * AddressSpace.pageSize)
    } catch {
      fatalError("protect or unmap: \(error)")
    }
  }
}

@_cdecl("plugin_dump")
public func dump() -> UnsafePointer<CChar>? {
  // A text, since a snapshot is taken without a section.
  let lines = space.mapsText().string.split(separator: "\n")
  if lines.count < minimumMapped { return text("VMAs are missing") }
  if lines.count > maximumMapped { return text("there are too many VMAs") }
  var end: UInt64 = 0
  for line in lines {
    let range = line.prefix { $0 != " " }
    let bounds = range.split(separator: "-").compactMap { UInt64($0, radix: 16) }
    guard bounds.count == 2 else { return text("a line isn't one of maps") }
    if bounds[0] < end { return text("VMAs overlap, or are out of order") }
    if bounds[1] <= bounds[0] { return text("a VMA is empty") }
    end = bounds[1]
  }
  return nil
}

private func text(_ text: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
}

// MARK: - Deferred calls

private let deferredCount = Atomic<Int32>(0)

@_cdecl("plugin_defer")
public func deferCall(_ body: Body, _ context: UnsafeMutableRawPointer?) {
  // Safety: what the context is for is the host's business, as is who else uses it.
  nonisolated(unsafe) let context = context
  RCU.afterGracePeriod {
    body(context)
    deferredCount.wrappingSubtract(1, ordering: .relaxed)
  }
  // Not before: a child that is forked in between would wait for a call that it never makes.
  deferredCount.wrappingAdd(1, ordering: .relaxed)
}

@_cdecl("plugin_deferred_count")
public func deferredCallCount() -> Int32 { deferredCount.load(ordering: .relaxed) }
