// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate
import TestSupport
import Testing

/// A list in which lasting elements, in the order of their keys, stand between others that come and
/// go.
struct ListSubject<Flavor: RCUFlavor>: StressSubject, ~Copyable {
  private struct Element: ~Copyable, Sendable {
    let key: Int
    let pointee: StressPointee
  }

  private typealias Domain = RCUDomain<Flavor>

  private static var lastingKeys: Int { 16 }
  /// What comes and goes has keys from here.
  private static var passingKeys: Range<Int> { 1000..<1032 }
  private static var maximumCount: Int { 64 }

  private let list = Domain.List<Element>()

  init(_ counter: InstanceCounter) {
    for key in 0..<Self.lastingKeys { list.append(Self.element(key, counter)) }
  }

  private static func element(_ key: Int, _ counter: InstanceCounter) -> Element {
    Element(key: key, pointee: StressPointee(counter))
  }

  borrowing func write(_ random: inout SeededGenerator, _ counter: InstanceCounter) {
    let lasting = random.index(below: Self.lastingKeys)
    let passing = Self.passingKeys.lowerBound + random.index(below: Self.passingKeys.count)
    let isFull = list.count > Self.maximumCount
    switch random.index(below: isFull ? 4 : 8) {
    case 0:
      list.removeFirst { $0.key == passing }
    case 1:
      list.removeAll { $0.key == passing }
    case 2, 3:
      if case .notFound = list.replaceFirst(
        where: { $0.key == lasting }, with: Self.element(lasting, counter))
      {
        preconditionFailure("a lasting element was lost")
      }
    case 4:
      list.append(Self.element(passing, counter))
    case 5:
      list.prepend(Self.element(passing, counter))
    case 6:
      _ = list.insert(
        Self.element(passing, counter), afterFirstWhere: { $0.key == lasting })
    default:
      _ = list.insert(
        Self.element(passing, counter), beforeFirstWhere: { $0.key == lasting })
    }
    if random.index(below: 256) == 0 { list.removeFirst { $0.key == passing }?.reclaim() }
  }

  borrowing func read(_ random: inout SeededGenerator) -> Int {
    let yields = random.index(below: 64) == 0
    let key = random.index(below: Self.lastingKeys)
    if random.index(below: 4) > 0 { return walk(yields: yields) }
    return Domain.withReadSection { section in
      guard let found = list.first(in: section, where: { $0.key == key }) else { return 1 }
      return staysIntact(found.value.pointee, looks: 20, yields: yields) ? 0 : 1
    }
  }

  /// Every lasting element is seen exactly once and in its order; what is seen is intact.
  private borrowing func walk(yields: Bool) -> Int {
    var (violations, next) = (0, 0)
    Domain.withReadSection { section in
      var cursor = list.cursor(in: section)
      while let element = cursor.next() {
        if !element.value.pointee.isIntact { violations += 1 }
        if yields && element.value.key == Self.lastingKeys / 2 { yieldThread() }
        if element.value.key < Self.lastingKeys {
          if element.value.key != next { violations += 1 }
          next += 1
        }
      }
    }
    return violations + (next == Self.lastingKeys ? 0 : 1)
  }

  borrowing func check() -> Int {
    var count = 0
    Domain.withReadSection { section in list.forEach(in: section) { _ in count += 1 } }
    return walk(yields: false) + (count == list.count ? 0 : 1)
  }
}

@Suite(.serialized, .stress) struct ListStressTests {
  static let matrix = [(writers: 1, readers: 1), (1, 2), (2, 2)]

  @Test(arguments: matrix)
  func bulletproof(writers: Int, readers: Int) {
    expectNoViolation(of: ListSubject<BulletproofFlavor>.self, writers, readers)
  }

  @Test(arguments: matrix)
  func membarrier(writers: Int, readers: Int) {
    expectNoViolation(of: ListSubject<MembarrierFlavor>.self, writers, readers)
  }
}
