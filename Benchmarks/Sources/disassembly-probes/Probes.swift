// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: nothing. The program check-machine-code of Tools reads the machine code of these
// functions, to see that read paths make no call that counts references, allocates or checks
// exclusivity. Each function is what a user of the library would write, compiled with a user's
// settings. The table of what is checked is Tools/Sources/check-machine-code/ReadPaths.swift.

import Glibc
import ProcessMaps
import ReadCopyUpdate
import SequenceLocks
import VirtualMemory

struct Configuration: Sendable {
  var limit = 10
}

struct Route: ~Copyable, Sendable {
  let hop: Int
}

struct Totals: Sendable, BitwiseCopyable {
  var count = 1
  var bytes = 2
  var errors = 3
  var retries = 4
}

enum Shared {
  static let configuration = RCU.Pointer(Configuration())
  static let totals = SequenceLock(Totals())
  static let table = RCU.HashTable<Int, Route>()
  static let list = RCU.List<Route>()
  static let stack = RCU.LockFreeStack<Route>()
  static let sleepable = SleepableRCU()
  static let sleepableConfiguration = SleepableRCU.Pointer(Configuration(), protectedBy: sleepable)
}

@inline(never)
func probeReadSection(_ pointer: borrowing RCU.Pointer<Configuration>) -> Int {
  RCU.withReadSection { section in pointer.load(in: section)!.value.limit }
}

@inline(never)
func probeSleepableSection(
  _ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Configuration>
) -> Int {
  domain.withReadSection { section in pointer.load(in: section)!.value.limit }
}

@inline(never)
func probeHashTableLookup(_ table: borrowing RCU.HashTable<Int, Route>, _ key: Int) -> Int {
  RCU.withReadSection { section in table.lookup(key, in: section)?.value.hop ?? 0 }
}

@inline(never)
func probeHashTableWalk(_ table: borrowing RCU.HashTable<Int, Route>) -> Int {
  RCU.withReadSection { section in
    var sum = 0
    table.forEach(in: section) { entry in sum &+= entry.key &* entry.value.hop }
    return sum
  }
}

@inline(never)
func probeListWalk(_ list: borrowing RCU.List<Route>) -> Int {
  RCU.withReadSection { section in
    var sum = 0
    list.forEach(in: section) { route in sum &+= route.value.hop }
    return sum
  }
}

@inline(never)
func probeListSearch(_ list: borrowing RCU.List<Route>, _ hop: Int) -> Bool {
  RCU.withReadSection { section in list.first(in: section) { $0.hop == hop } != nil }
}

@inline(never)
func probeStackTop(_ stack: borrowing RCU.LockFreeStack<Route>) -> Int {
  RCU.withReadSection { section in stack.top(in: section)?.value.hop ?? 0 }
}

@inline(never)
func probeSequenceLock(_ lock: borrowing SequenceLock<Totals>) -> Totals { lock.load() }

// The controls, of which each does one thing that a read path must not do, and must be found.
final class Kept {
  var value = 0
}

// It counts references, at once and one call further.
@inline(never)
func probeControl(_ kept: Kept, _ array: inout [Kept]) { array[0] = kept }

@inline(never)
func probeNestedControl(_ kept: Kept, _ array: inout [Kept]) -> Int {
  probeControl(kept, &array)
  return array.count
}

// Allocates an object; memory.
@inline(never)
func probeAllocationControl() -> Kept { Kept() }

@inline(never)
func probeMallocControl(_ byteCount: Int) -> UnsafeMutableRawPointer? { malloc(byteCount) }

// Checks that nobody else uses a property.
@inline(never)
func probeAccessControl(_ kept: Kept, _ body: (inout Int) -> Void) { body(&kept.value) }

// Initialises something when it is first used.
@inline(never)
func probeLazyControl() -> Totals { Shared.totals.load() }

// Calls what can't be known.
@inline(never)
func probeClosureControl(_ body: (Int) -> Int) -> Int { body(1) &+ body(2) }

@main
enum Probes {
  static func main() throws {
    let space = AddressSpace()
    let start = try space.map(length: AddressSpace.pageSize, protection: .read).lowerBound
    var buffer = MapsBuffer()
    space.dump(into: &buffer)
    var reader = MapsReader(space)
    var chunkCount = 0
    while let count = reader.withNextChunk({ $0.count }) { chunkCount += count }
    var kept = [Kept()]
    Shared.table.addDuplicate(Route(hop: 1), forKey: 2)
    Shared.list.append(Route(hop: 3))
    Shared.stack.push(Route(hop: 4))
    // Of two, so that the compiler can't know which is called.
    let bodies: [(Int) -> Int] = [{ $0 &+ 1 }, { $0 &* 2 }]
    let block = probeMallocControl(16)
    free(block)
    let other = probeAllocationControl()
    probeAccessControl(other) { $0 += CommandLine.arguments.count }
    let mirror = try ProcessMirror.ofSelf()
    let service = MapsService()
    try service.create(1)
    print(
      mirror.lookup(0).vma == nil, try service.lookup(0, in: 1).vma == nil,
      probeNestedControl(Kept(), &kept), other.value, probeLazyControl().count,
      probeClosureControl(bodies[kept.count % 2]), block != nil,
      probeReadSection(Shared.configuration),
      probeSleepableSection(Shared.sleepable, Shared.sleepableConfiguration),
      probeSequenceLock(Shared.totals).bytes,
      probeHashTableLookup(Shared.table, 2), probeHashTableWalk(Shared.table),
      probeListWalk(Shared.list), probeListSearch(Shared.list, 3), probeStackTop(Shared.stack),
      space.lookup(start)?.end == start + AddressSpace.pageSize,
      try space.query(0, matching: .coveringOrNext).start == start, buffer.count == chunkCount)
  }
}
