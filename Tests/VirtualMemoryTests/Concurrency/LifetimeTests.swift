// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ReadCopyUpdate
import Synchronization
import TestSupport
import Testing

@testable import VirtualMemory

/// Files, names and nodes go when nothing refers to them any more, and not before.
@Suite(.serialized) struct LifetimeTests {
  private static func file(_ number: UInt64 = 1) -> MappedFile {
    MappedFile(
      path: "/lib/\(number)", device: DeviceNumber(major: 8, minor: 1), inode: number,
      buildID: Array(repeating: UInt8(number), count: 20))
  }

  /// One reference per VMA of the current version, and the handle's.
  @Test func everyVMAHoldsOneReference() throws {
    let file = Self.file()
    let space = AddressSpace()
    #expect(file.object.references == 1)
    try space.mapPages(0..<9, "r", backing: .file(file))
    #expect(file.object.references == 2)
    try space.protectPages(3..<6, "rx")
    #expect(file.object.references == 4)
    try space.protectPages(3..<6, "r")
    #expect(file.object.references == 2)
    try space.unmapPages(4..<5)
    #expect(file.object.references == 3)
    try space.mapPages(4..<5, "r", backing: .file(file, offset: 4 * 4096))
    #expect(file.object.references == 2)
    // Replaced in part, by itself and by other memory.
    try space.mapPages(2..<4, "r", backing: .file(file))
    #expect(file.object.references == 4)
    try space.mapPages(0..<9)
    #expect(file.object.references == 1)
    // A change that is refused takes none.
    #expect(throws: (any Error).self) {
      try space.mapPages(0..<1, "r", .fixedNoReplace, backing: .file(file))
    }
    #expect(file.object.references == 1)
  }

  @Test func droppedSpaceDropsItsReferences() throws {
    let files = (1...100).map { Self.file($0) }
    do {
      let space = AddressSpace()
      for (index, file) in files.enumerated() {
        let page = UInt64(index)
        try space.mapPages(page..<page + 1, "r", backing: .file(file))
      }
      #expect(files.allSatisfy { $0.object.references == 2 })
    }
    #expect(files.allSatisfy { $0.object.references == 1 })
  }

  /// A handle may go before its mappings: they keep the record.
  @Test func mappingsOutliveTheHandle() throws {
    let space = AddressSpace()
    do {
      try space.mapPages(0..<1, "r", backing: .file(Self.file(7)))
    }
    RCU.barrier()
    #expect(space.mapsText().string.hasSuffix(" /lib/7\n"))
    #expect(try space.namedQuery(AddressSpace.testBase).name == Array("/lib/7".utf8))
  }

  @Test func importedNamesAreShared() throws {
    let name = Array("arena".utf8)
    let space = AddressSpace(
      importing: (0..<10 as Range<UInt64>).map { page in
        ImportedMapping(
          start: (2 * page + 1) * 4096, end: (2 * page + 2) * 4096, protection: .read,
          isShared: false, source: .namedAnonymous(name))
      })
    let record = try #require(space.currentVersion.tree.firstRecord(endingAfter: 0))
    let object = try #require(MapObject(word: record.object))
    #expect(object.references == 10)
    try space.systemCalls.munmap(0x1000, length: 0x5000)
    #expect(object.references == 7)
  }

  /// Pins of queries and speculative dumps come and go; at the end none is left.
  @Test(.stress) func stressPinsAreBalanced() throws {
    let files = (1...8).map { Self.file($0) }
    let space = AddressSpace()
    let stop = Flag()
    let deadline = ContinuousClock.now + StressOptions.duration
    let answers = InstanceCounter()
    let reader: @Sendable () -> Void = {
      var random = SeededGenerator(seed: 3)
      var buffer = MapsBuffer()
      repeat {
        for strategy in ReadingStrategy.allCases {
          let address = AddressSpace.testBase + random.below(256) * 4096
          let found = try? space.namedQuery(address, matching: .coveringOrNext, by: strategy)
          if let found {
            // The name, the build id and the numbers are one file's.
            let number = found.result.inode
            precondition(
              found.name == Array("/lib/\(number)".utf8)
                && found.buildID == [UInt8](repeating: UInt8(number), count: 20),
              "not one file's: \(found)")
            answers.add()
          }
        }
        space.dump(into: &buffer, by: .speculative)
      } while !stop.isRaised
    }
    runThreads([
      {
        var random = SeededGenerator(seed: 5)
        while ContinuousClock.now < deadline || answers.created == 0 {
          let page = random.below(256)
          let last = min(256, page + 1 + random.below(8))
          if random.oneIn(2) {
            try? space.mapPages(
              page..<last, "r", backing: .file(random.pick(files), offset: page * 4096))
          } else {
            try? space.unmapPages(page..<last)
          }
        }
        stop.raise()
      },
      reader, reader,
    ])
    space._checkInvariants()
    let vmas = space.snapshotVMAs().vmas
    for (index, file) in files.enumerated() {
      let held = vmas.count { $0.inode == UInt64(index + 1) }
      #expect(file.object.references == 1 + held)
    }
    try space.unmapPages(0..<256)
    #expect(files.allSatisfy { $0.object.references == 1 })
    print("\(answers.created) answers, \(space.speculationStatistics)")
  }

  #if DEBUG
    /// Of all records that were ever made only those that are still referred to are left.
    @Test func recordsAreFreed() async {
      await #expect(processExitsWith: .success) {
        let before = MapObject.liveCount
        let kept = LifetimeTests.file(50)
        do {
          let space = AddressSpace()
          for page in 0..<50 as Range<UInt64> {
            // Shared anonymous memory, whose object no handle refers to.
            try space.mapPages(page..<page + 1, "rw", .shared)
            try space.mapPages(
              page + 100..<page + 101, "r", backing: .file(LifetimeTests.file(page)))
          }
          try space.mapPages(300..<301, "r", backing: .file(kept))
          #expect(MapObject.liveCount > before + 100)
          try space.unmapPages(0..<20)
          try space.unmapPages(100..<120)
        }
        await RCU.barrier()
        #expect(MapObject.liveCount == before + 1)
        withExtendedLifetime(kept) {}
      }
    }

    /// A record goes after a grace period, not while a section that may see it is open.
    @Test func recordsWaitForOpenSections() async {
      await #expect(processExitsWith: .success) {
        let space = AddressSpace()
        try space.mapPages(0..<1, "r", backing: .file(LifetimeTests.file()))
        await RCU.barrier()
        let before = MapObject.liveCount
        let opened = Flag()
        let closing = Flag()
        let thread = RunningThread {
          RCU.withReadSection { _ in
            let record = space.currentVersion.tree.firstRecord(endingAfter: 0)
            opened.raise()
            closing.wait()
            let object = MapObject(word: record?.object ?? 0)
            precondition(object?.pin() == false, "the last reference is gone")
            precondition(unsafe object?.header.pointee.inode == 1)
          }
        }
        opened.wait()
        try space.unmapPages(0..<1)
        usleep(20_000)
        #expect(MapObject.liveCount == before)
        closing.raise()
        thread.join()
        await RCU.barrier()
        #expect(MapObject.liveCount == before - 1)
      }
    }
  #endif
}

extension MapObject {
  /// The references now.
  fileprivate var references: Int {
    unsafe header.pointee.references.load(ordering: .relaxed)
  }
}
