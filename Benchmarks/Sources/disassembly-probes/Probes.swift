// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: nothing. Tests/Scripts/disassembly.sh reads the machine code of these functions,
// to see that read paths make no call that counts references, allocates or checks exclusivity. Each
// function is what a user of the library would write, compiled with a user's settings.

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

// The positive controls: the check must find the retain, at once and one call further.
final class Kept {}

@inline(never)
func probeControl(_ kept: Kept, _ array: inout [Kept]) { array[0] = kept }

@inline(never)
func probeNestedControl(_ kept: Kept, _ array: inout [Kept]) -> Int {
  probeControl(kept, &array)
  return array.count
}

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
    print(
      probeNestedControl(Kept(), &kept),
      probeReadSection(Shared.configuration),
      probeSleepableSection(Shared.sleepable, Shared.sleepableConfiguration),
      probeSequenceLock(Shared.totals).bytes,
      probeHashTableLookup(Shared.table, 2), probeHashTableWalk(Shared.table),
      probeListWalk(Shared.list), probeListSearch(Shared.list, 3), probeStackTop(Shared.stack),
      space.lookup(start)?.end == start + AddressSpace.pageSize,
      try space.query(0, matching: .coveringOrNext).start == start, buffer.count == chunkCount)
  }
}
