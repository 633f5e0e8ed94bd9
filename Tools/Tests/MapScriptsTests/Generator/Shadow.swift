// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What the generator believes to be mapped in the window, page by page: good enough to aim at the
/// edges of VMAs, and no more. It takes it that everything succeeds.
struct Shadow {
  enum Kind: Equatable {
    case anonymous, shared, droppable, stack
    /// Of a file, by its number, private or shared.
    case file(UInt8, isShared: Bool)
  }

  struct Page: Equatable {
    var kind: Kind
    var protection: UInt64
    /// Changes with whatever else keeps pages apart: locks, advices, other flags.
    var mark: UInt64 = 0
  }

  private(set) var pages: [Page?]

  init(pageCount: Int) { pages = Array(repeating: nil, count: pageCount) }

  var count: Int { pages.count }

  /// Ranges of equal pages that are mapped.
  var runs: [Range<Int>] {
    var result: [Range<Int>] = []
    for index in pages.indices where pages[index] != nil {
      if let last = result.last, last.upperBound == index, pages[index - 1] == pages[index] {
        result[result.count - 1] = last.lowerBound..<index + 1
      } else {
        result.append(index..<index + 1)
      }
    }
    return result
  }

  func run(of kind: (Kind) -> Bool) -> [Range<Int>] {
    runs.filter { run in pages[run.lowerBound].map { kind($0.kind) } ?? false }
  }

  private func clamped(_ range: Range<Int>) -> Range<Int> { range.clamped(to: 0..<pages.count) }

  mutating func map(_ range: Range<Int>, _ page: Page) {
    for index in clamped(range) { pages[index] = page }
  }

  mutating func unmap(_ range: Range<Int>) {
    for index in clamped(range) { pages[index] = nil }
  }

  mutating func change(_ range: Range<Int>, _ body: (inout Page) -> Void) {
    for index in clamped(range) where pages[index] != nil { body(&pages[index]!) }
  }

  /// Moves what is in `source`, of which `target` may be longer or shorter.
  mutating func move(_ source: Range<Int>, to target: Range<Int>, keepsSource: Bool) {
    let moved = clamped(source).map { pages[$0] }
    if !keepsSource { unmap(source) }
    for index in clamped(target) {
      let offset = index - target.lowerBound
      pages[index] = offset < moved.count ? moved[offset] : moved.last ?? nil
    }
  }
}
