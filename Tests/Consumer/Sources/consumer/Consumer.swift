// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A program of another package: no flags, no settings, every product.
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

enum Shared {
  static let configuration = RCU.Pointer(Configuration())
  static let route = RCU.Pointer(Route(hop: 1))
}

func limit() -> Int {
  RCU.withReadSection { section in
    Shared.configuration.load(in: section)?.value.limit ?? 0
  }
}

func hop() -> Int {
  RCU.withReadSection { section in
    guard let route = Shared.route.load(in: section) else { return 0 }
    return route.value.hop
  }
}

struct Totals: Sendable, BitwiseCopyable {
  var count = 0
  var bytes = 0
}

func countTotals() {
  let totals = SequenceLock(Totals())
  totals.withWriteLock {
    $0.count += 1
    $0.bytes += 4096
  }
  let seen = totals.load()
  precondition(seen.count == 1 && seen.bytes == 4096)

  let lock = SpeculativeRWLock()
  precondition(lock.withReadLock { lock.speculate { true } } == true)
}

/// Three pages, of which the middle one is protected.
func mapAndQuery() throws {
  let space = AddressSpace()
  let start = try space.systemCalls.mmap(
    length: 3 * AddressSpace.pageSize, protection: [.read, .write], flags: .private)
  let middle = start + AddressSpace.pageSize
  try space.systemCalls.mprotect(middle, length: AddressSpace.pageSize, .read)
  let found = try space.query(start + 5000)
  precondition(found.start == middle && found.flags == .readable)
  precondition(space.lookup(start + 3 * AddressSpace.pageSize) == nil)

  let lines = space.mapsText().string.split(separator: "\n")
  precondition(lines.count == 3 && space.count == 3 && space.memoryBytes > 0)
  precondition(lines[1].contains(" r--p "))
  for strategy in ReadingStrategy.allCases {
    var reader = MapsReader(space, strategy: strategy)
    var text: [UInt8] = []
    while let _ = reader.withNextChunk({ chunk in
      for index in chunk.indices { text.append(chunk[index]) }
    }) {}
    precondition(text == space.mapsText(by: strategy).array)
  }
  try space.systemCalls.munmap(start, length: 3 * AddressSpace.pageSize)
  precondition(space.count == 0)
}

/// The collections, and sections that suspend.
func collect() async {
  let hops = RCU.HashTable<String, Route>()
  precondition(hops.insert(Route(hop: 3), forKey: "a").isInserted)
  let found = RCU.withReadSection { section in hops.lookup("a", in: section)?.value.hop }
  precondition(found == 3)
  hops.removeValue(forKey: "a")

  let list = RCU.List<Int>()
  for value in 1...3 { list.append(value) }
  var sum = 0
  RCU.withReadSection { section in list.forEach(in: section) { sum += $0.value } }
  precondition(sum == 6)

  let domain = SleepableRCU()
  let pointer = SleepableRCU.Pointer(Configuration(limit: 5), protectedBy: domain)
  let limit = await domain.withReadSection { section in
    let seen = pointer.load(in: section)?.value.limit
    await Task.yield()
    return seen
  }
  precondition(limit == 5)
  pointer.store(Configuration(limit: 6))
  await domain.synchronize()
}

/// This process's own maps, in and out.
func importOwnMaps() throws {
  let kernel = try KernelMaps()
  guard let text = try kernel.stableText(maximumAttempts: 100) else {
    preconditionFailure("the maps of this process never stand still")
  }
  let space = try AddressSpace(procMaps: text)
  precondition(space.mapsText().array == text)
  print("consumer: \(space.count) VMAs of its own")
}

@main
struct Consumer {
  static func main() async throws {
    Shared.configuration.store(Configuration(limit: 20))
    Shared.configuration.update { $0.limit += 1 }
    Shared.route.store(Route(hop: 2))
    precondition(limit() == 21 && hop() == 2)
    await RCU.synchronize()
    await RCU.barrier()
    precondition(RCU.statistics.executedCount >= 3)
    print("consumer: limit \(limit()), hop \(hop())")
    await collect()
    countTotals()
    try mapAndQuery()
    try importOwnMaps()
  }
}
