// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import VirtualMemory
internal import _SystemShims

/// An entry of a service's table: a process, and unowned references to its parts. These are for
/// readers that must not count references: signal handlers, and many threads at the same time.
@safe
struct ServedEntry: ~Copyable, @unchecked Sendable {
  // Sendable: it is immutable, and everything that it refers to is Sendable.
  let process: ServedProcess
  private let space: Unmanaged<AddressSpace>
  private let mirror: Unmanaged<ProcessMirror>?

  init(_ process: ServedProcess) {
    self.process = process
    unsafe space = .passUnretained(process.space)
    unsafe mirror = process.mirror.map { unsafe .passUnretained($0) }
  }

  /// The answer of the entry's mirror, or of its address space if it is a model. Must be called in
  /// the read section in which the entry was found.
  @inline(__always)
  func lookup(_ address: UInt64) -> MirrorAnswer {
    // Safety: the entry keeps the process alive, and the read section keeps the entry.
    if let mirror = unsafe mirror {
      return unsafe mirror._withUnsafeGuaranteedRef { $0.lookup(address) }
    }
    return MirrorAnswer(
      vma: unsafe space._withUnsafeGuaranteedRef { $0.lookup(address) },
      asOfNanoseconds: sysshims_now(), state: .live, isVerified: true)
  }

  /// The sums over all VMAs. Must be called in the read section in which the entry was found.
  @inline(__always)
  var totals: MapsTotals { unsafe space._withUnsafeGuaranteedRef { $0.totals } }
}

/// A process in a service: a model, or a mirror of a live process.
///
/// If a pid comes to stand for another program or another process, that is a new object. Whoever
/// holds the old one keeps seeing the old map.
final class ServedProcess: Sendable {
  let pid: Int32
  let space: AddressSpace
  /// The mirror; `nil` for a model.
  let mirror: ProcessMirror?
  /// 0 while the process is in the service; otherwise, the index in `ends` plus one. Written once
  /// (releasing), after the process has left the table; read by any thread (acquiring). Pairs with
  /// each other: guarantees that a reader that sees the end also sees the final map. Without it:
  /// the end could be seen before the last changes.
  private let endValue = Atomic<UInt8>(0)

  private static let ends: [MapsUpdate.End] = [.exited, .replaced, .detached]

  init(pid: Int32, space: AddressSpace, mirror: ProcessMirror? = nil) {
    self.pid = pid
    self.space = space
    self.mirror = mirror
  }

  /// Why the process has left the service; `nil` while it is in it.
  var end: MapsUpdate.End? {
    let value = endValue.load(ordering: .acquiring)
    return value == 0 ? nil : Self.ends[Int(value) - 1]
  }

  /// Notes that the process has left the service. Only the first reason counts.
  func finish(_ end: MapsUpdate.End) {
    let value = UInt8(Self.ends.firstIndex(of: end)! + 1)
    _ = endValue.compareExchange(
      expected: 0, desired: value, successOrdering: .releasing, failureOrdering: .relaxed)
    space.endUpdates(end)
  }
}
