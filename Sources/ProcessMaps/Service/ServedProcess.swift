// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Synchronization
internal import VirtualMemory
internal import _SystemShims

/// What the table of a service has for a pid: a process, and its parts for readers that must not
/// count references, as signal handlers and many threads at once.
@safe
struct ServedEntry: ~Copyable, @unchecked Sendable {
  // Sendable: immutable, and what it refers to is Sendable.
  let process: ServedProcess
  private let space: Unmanaged<AddressSpace>
  private let mirror: Unmanaged<ProcessMirror>?

  init(_ process: ServedProcess) {
    self.process = process
    unsafe space = .passUnretained(process.space)
    unsafe mirror = process.mirror.map { unsafe .passUnretained($0) }
  }

  /// What the entry's mirror says, or, for a model, its address space. In the read section in which
  /// the entry was found.
  @inline(__always)
  func lookup(_ address: UInt64) -> MirrorAnswer {
    // Safety: the entry keeps the process, and the read section the entry.
    if let mirror = unsafe mirror {
      return unsafe mirror._withUnsafeGuaranteedRef { $0.lookup(address) }
    }
    return MirrorAnswer(
      vma: unsafe space._withUnsafeGuaranteedRef { $0.lookup(address) },
      asOfNanoseconds: sysshims_now(), state: .live, isVerified: true)
  }

  /// The sums over all VMAs, likewise.
  @inline(__always)
  var totals: MapsTotals { unsafe space._withUnsafeGuaranteedRef { $0.totals } }
}

/// What a service has for one pid: a model, or a mirror of a live process.
///
/// Another program, and another process with the same pid, are another one of these: whoever has
/// this one sees the map that it was about, to the end.
final class ServedProcess: Sendable {
  let pid: Int32
  let space: AddressSpace
  /// `nil` for a model.
  let mirror: ProcessMirror?
  /// 0: it is served; else the end's number and one. Stored once, releasing, after it has left the
  /// table; readers that see it (acquiring) find the map as it was then.
  private let endValue = Atomic<UInt8>(0)

  private static let ends: [MapsUpdate.End] = [.exited, .replaced, .detached]

  init(pid: Int32, space: AddressSpace, mirror: ProcessMirror? = nil) {
    self.pid = pid
    self.space = space
    self.mirror = mirror
  }

  /// Why it is served no more; `nil` while it is.
  var end: MapsUpdate.End? {
    let value = endValue.load(ordering: .acquiring)
    return value == 0 ? nil : Self.ends[Int(value) - 1]
  }

  /// Says that it is served no more; the first reason counts.
  func finish(_ end: MapsUpdate.End) {
    let value = UInt8(Self.ends.firstIndex(of: end)! + 1)
    _ = endValue.compareExchange(
      expected: 0, desired: value, successOrdering: .releasing, failureOrdering: .relaxed)
    space.endUpdates(end)
  }
}
