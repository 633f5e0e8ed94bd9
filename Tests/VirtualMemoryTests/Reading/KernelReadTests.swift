// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport
import Testing

@testable import VirtualMemory

/// The same reads of a stopped process's maps by the kernel and of its model by `MapsReader`: the
/// same numbers of bytes, the same bytes.
@Suite(.serialized) struct KernelReadTests {
  @Test func wholeTextIsTheKernels() throws {
    let child = try StoppedChild()
    // More than one chunk.
    #expect(child.text.utf8.count > 3 * 4096)
    let space = child.model()
    space._checkInvariants()
    for strategy in ReadingStrategy.allCases {
      let text = space.mapsText(by: strategy).string
      #expect(text == child.text)
    }
  }

  @Test func sequencesOfReads() throws {
    let child = try StoppedChild()
    let space = child.model()
    // The last: exactly what is left of the first line.
    let firstLine = child.text.prefix { $0 != "\n" }.utf8.count + 1
    for sizes in [
      [30, 1 << 20], [1000], [4096], [4095], [1], [100, 4000], [1 << 20], [80, 81],
      [30, firstLine - 30, 1 << 20],
    ] {
      try Self.compare(child, space, ReadingStrategy.snapshot) { round in
        .read(sizes[round % sizes.count])
      }
    }
    var random = SeededGenerator(seed: 4)
    for round in 0..<60 {
      let strategy = ReadingStrategy.allCases[round % 3]
      try Self.compare(child, space, strategy) { _ in
        .read(1 + Int(random.below(random.oneIn(3) ? 9000 : 300)))
      }
    }
  }

  @Test func seeksBetweenReads() throws {
    let child = try StoppedChild()
    let space = child.model()
    var random = SeededGenerator(seed: 6)
    for round in 0..<60 {
      let strategy = ReadingStrategy.allCases[round % 3]
      try Self.compare(child, space, strategy) { step in
        if step > 40 { return .read(1 << 20) }
        return random.oneIn(3)
          ? .seek(Int(random.below(UInt64(child.text.utf8.count + 500))))
          : .read(1 + Int(random.below(random.oneIn(3) ? 9000 : 300)))
      }
    }
  }

  private enum Step: CustomStringConvertible {
    case read(Int)
    case seek(Int)
    var description: String {
      switch self {
      case .read(let count): "read \(count)"
      case .seek(let target): "seek \(target)"
      }
    }
  }

  /// Takes steps until the end of the text, at which both must be.
  private static func compare(
    _ child: StoppedChild, _ space: AddressSpace, _ strategy: ReadingStrategy,
    _ step: (Int) -> Step
  ) throws {
    let descriptor = child.openMaps()
    defer { close(descriptor) }
    var reader = MapsReader(space, strategy: strategy)
    var taken: [Step] = []
    for round in 0... {
      let step = step(round)
      taken.append(step)
      switch step {
      case .seek(let target):
        lseek(descriptor, target, SEEK_SET)
        reader.seek(to: target)
      case .read(let count):
        let expected = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
          done = unsafe read(descriptor, buffer.baseAddress!, count)
        }
        let actual = reader.read(count: count)
        let isEqual = actual == expected
        try #require(
          isEqual,
          "\(strategy), \(taken): \(expected.count) bytes expected, not \(actual.count)")
        if expected.isEmpty && round > 40 || expected.isEmpty && taken.allSatisfy(isRead) {
          return
        }
      }
    }
  }

  private static func isRead(_ step: Step) -> Bool {
    if case .read = step { true } else { false }
  }
}
