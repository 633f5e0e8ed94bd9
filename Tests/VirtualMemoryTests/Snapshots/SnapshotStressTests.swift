// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// Snapshots taken, read, compared and dropped on many threads while a mapper goes on.
@Suite(.serialized, .stress) struct SnapshotStressTests {
  /// Each snapshot is exactly the version that it says it is, for as long as it lives; the
  /// difference of two turns one into the other.
  @Test func stressSnapshotsAreVersions() throws {
    let region = try Region()
    let stop = Flag()
    let deadline = ContinuousClock.now + StressOptions.duration
    let taken = InstanceCounter()
    let compared = InstanceCounter()
    runThreads(
      [
        {
          region.churn(seed: 42, until: deadline)
          stop.raise()
        }
      ]
        + (0..<3).map { reader in
          { @Sendable in
            var random = SeededGenerator(seed: UInt64(reader))
            var replay = Replay()
            var kept: [(snapshot: MapsSnapshot, lines: [MapsLine])] = []
            repeat {
              let snapshot = region.space.snapshot()
              guard let pages = region.state(at: snapshot.generation, &replay) else { break }
              kept.append((snapshot, region.lines(of: pages)))
              taken.add()
              // One that has been kept for a while, and the one just taken.
              let other = random.pick(kept)
              precondition(
                MapsLine.parse(other.snapshot.mapsText().array) == other.lines,
                "the snapshot of generation \(other.snapshot.generation) is not that version")
              Self.compare(other.snapshot, snapshot)
              compared.add()
              if kept.count > 6 { kept.remove(at: Int(random.below(7))) }
            } while !stop.isRaised
          }
        })
    Self.expectNothingHeld(region.space)
    print(
      "\(region.operationCount) operations, \(taken.created) snapshots,",
      "\(compared.created) differences, \(region.space.memoryBytes >> 10) KiB of nodes")
    #expect(taken.created > 0 && region.operationCount > 0)
  }

  private static func compare(_ from: MapsSnapshot, _ to: MapsSnapshot) {
    var starts = Set(from.map(\.start))
    for change in AddressSpace.difference(from: from, to: to) {
      switch change {
      case .removed(let vma): precondition(starts.remove(vma.start) != nil, "never was: \(vma)")
      case .added(let vma): precondition(starts.insert(vma.start).inserted, "twice: \(vma)")
      case .changed: break
      }
    }
    precondition(starts == Set(to.map(\.start)), "the difference leads to something else")
  }

  /// Snapshots that live for moments, taken and dropped at once on several threads, in read
  /// sections too, of a space whose files come and go with its VMAs.
  @Test func stressTakingAndDropping() throws {
    let space = AddressSpace()
    try space.mapPages(0..<1, "rx")
    let stop = Flag()
    let deadline = ContinuousClock.now + StressOptions.duration
    let taken = InstanceCounter()
    let shared = Locked<[MapsSnapshot]>([])
    runThreads(
      [
        {
          Self.mapFiles(space, until: deadline)
          stop.raise()
        },
        {
          // Drops what others have taken, and takes what it drops.
          repeat {
            let snapshots = shared.withLock { kept in
              defer { kept = [] }
              return kept
            }
            for snapshot in snapshots { Self.checkFiles(snapshot) }
          } while !stop.isRaised
        },
      ]
        + (0..<2).map { reader in
          { @Sendable in
            var random = SeededGenerator(seed: UInt64(reader))
            repeat {
              let snapshot =
                random.oneIn(2) ? space.snapshot() : RCU.withReadSection { _ in space.snapshot() }
              taken.add()
              switch random.below(3) {
              case 0: Self.checkFiles(snapshot)
              case 1: shared.withLock { if $0.count < 100 { $0.append(snapshot) } }
              default: break
              }
            } while !stop.isRaised
          }
        })
    shared.withLock { $0 = [] }
    Self.expectNothingHeld(space)
    print("\(taken.created) snapshots")
  }

  /// Maps a file of its own at each page, and unmaps it.
  private static func mapFiles(_ space: AddressSpace, until deadline: ContinuousClock.Instant) {
    let device = DeviceNumber(major: 8, minor: 1)
    var number: UInt64 = 0
    repeat {
      for _ in 0..<16 {
        number += 1
        let page = 1 + number * 7 % 200
        let file = MappedFile(path: "/f/\(number)", device: device, inode: number)
        do throws(Errno) {
          try space.mapPages(page..<page + 1, "r", backing: .file(file))
          let other = 1 + number * 11 % 200
          if number % 2 == 0 { try space.unmapPages(other..<other + 1) }
        } catch {
          preconditionFailure("a change failed: \(error)")
        }
      }
    } while ContinuousClock.now < deadline
  }

  /// Each name is its inode's.
  private static func checkFiles(_ snapshot: MapsSnapshot) {
    var count = 0
    for vma in snapshot {
      count += 1
      let name = vma.inode == 0 ? "" : "/f/\(vma.inode)"
      precondition(vma.nameString == name, "not one file's: \(vma)")
    }
    precondition(count == snapshot.count, "a VMA is missing")
  }

  private static func expectNothingHeld(_ space: AddressSpace) {
    RCU.barrier()
    space._checkInvariants()
    #expect(
      space.snapshotStatistics
        == SnapshotStatistics(snapshotCount: 0, versionCount: 0, heldBytes: 0))
  }
}
