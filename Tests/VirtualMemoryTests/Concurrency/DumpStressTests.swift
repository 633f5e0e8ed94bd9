// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

@testable import VirtualMemory

/// Dumps and queries while a mapper maps and unmaps random pages of a 16 MiB region.
@Suite(.serialized, .stress) struct DumpStressTests {
  /// Every dump keeps the contract, whichever way it is read.
  @Test(arguments: ReadingStrategy.allCases)
  func stressContract(_ strategy: ReadingStrategy) throws {
    try Self.run(
      strategy,
      reader: { region, stop in
        var buffer = MapsBuffer()
        var dumps = 0
        repeat {
          region.space.dump(into: &buffer, by: strategy)
          region.checkContract(buffer.array)
          region.checkContract(Self.chunks(region.space, strategy))
          dumps += 2
        } while !stop.isRaised
        return dumps
      })
  }

  /// A snapshot is exactly the version that it says it is.
  @Test func stressSnapshotsAreVersions() throws {
    try Self.run(
      .snapshot,
      reader: { region, stop in
        var buffer = MapsBuffer()
        var replay = Replay()
        var dumps = 0
        repeat {
          region.space.dump(into: &buffer)
          guard let pages = region.state(at: buffer.generation, &replay) else { break }
          let expected = region.lines(of: pages)
          precondition(
            MapsLine.parse(buffer.array) == expected,
            "the dump of generation \(buffer.generation) is not that version")
          dumps += 1
        } while !stop.isRaised
        return dumps
      })
  }

  private static func chunks(_ space: AddressSpace, _ strategy: ReadingStrategy) -> [UInt8] {
    var reader = MapsReader(space, strategy: strategy)
    var text: [UInt8] = []
    while true {
      let chunk = reader.read(count: 1 << 16)
      if chunk.isEmpty { return text }
      precondition(chunk.last == UInt8(ascii: "\n") && chunk.count < 4096, "not whole lines")
      text += chunk
    }
  }

  /// A mapper, two readers and a querier for the duration.
  private static func run(
    _ strategy: ReadingStrategy, reader: @escaping @Sendable (Region, Flag) -> Int
  ) throws {
    let region = try Region()
    let stop = Flag()
    let dumps = Locked(0)
    let queries = InstanceCounter()
    let deadline = ContinuousClock.now + StressOptions.duration
    let read: @Sendable () -> Void = {
      let count = reader(region, stop)
      dumps.withLock { $0 += count }
    }
    runThreads([
      {
        region.churn(seed: 42, until: deadline)
        stop.raise()
      },
      read, read,
      {
        var random = SeededGenerator(seed: 7)
        repeat {
          region.checkQuery(random.below(Region.pageCount), strategy)
          queries.add()
        } while !stop.isRaised
      },
    ])
    region.space._checkInvariants()
    let operations = region.operationCount
    RCU.barrier()
    let pool = region.space._poolBytes
    print(
      "\(strategy): \(operations) operations, \(dumps.withLock { $0 }) dumps,",
      "\(queries.created) queries, \(pool.reserved >> 10) KiB of nodes,",
      region.space.speculationStatistics)
    #expect(dumps.withLock { $0 } > 0)
    #expect(operations > 0)
    // What limbo may hold, and as much again for what is live and free.
    #expect(pool.reserved <= 64 << 20)
  }
}
