// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// Steps of several operations that single ones rarely come to.
extension ScriptGenerator {
  mutating func playScene() {
    let first = random.below(max(shadow.count - 12, 1))
    if profile == .stacks && random.percent(60) {
      if random.percent(50) { growDown(first) } else { keepDistance() }
      return
    }
    if profile == .forks && random.percent(70) { return forkInPieces(first) }
    switch random.below(10) {
    case 0: fillBetweenTouched(first)
    case 1: thereAndBack(first)
    case 2: moveSeveral(first)
    case 3: protectAndBack(first)
    case 4: growDown(first)
    case 5: leaveBehind(first)
    case 6: duplicate(first)
    case 7: growLocked(first)
    case 8: keepDistance()
    default: shrinkOverSeveral(first)
    }
  }

  /// Small mappings all over the window, without a dump after each.
  mutating func crowd() {
    var page = 0
    while page < shadow.count {
      let count = random.percent(80) ? 1 : 1 + random.below(4)
      let isShared = random.percent(15)
      let isFile = random.percent(15)
      var flags = MapBits.fixed | (isShared ? MapBits.shared : MapBits.private)
      if !isFile { flags |= MapBits.anonymous }
      let operation = ScriptOperation.map(
        address: address(page), length: UInt64(min(count, shadow.count - page)) * 4096,
        protection: random.pick([3, 1, 3, 1, 5, 0]), flags: flags,
        source: isFile ? .fileA : .none, offset: isFile ? UInt64(page % 256) * 4096 : 0)
      noteMap(operation)
      operations.append(operation)
      page += count + (random.percent(12) ? random.below(8) : 0)
    }
    operations.append(.dump)
  }

  private mutating func mapPages(
    _ range: Range<Int>, _ protection: UInt64 = 3, _ flags: UInt64 = 0,
    source: ScriptSource = .none, offset: UInt64 = 0
  ) {
    let range = isConfined ? range.clamped(to: 0..<shadow.count) : range
    if range.isEmpty { return }
    var flags = flags | MapBits.fixed
    if flags & 0xf == 0 { flags |= MapBits.private }
    if source == .none { flags |= MapBits.anonymous }
    let operation = ScriptOperation.map(
      address: address(range.lowerBound), length: UInt64(range.count) * 4096,
      protection: protection, flags: flags, source: source, offset: offset)
    noteMap(operation)
    add(operation)
  }

  private mutating func touchPage(_ page: Int) { add(.touch(address: address(page))) }

  private mutating func movePages(
    _ from: Int, _ count: Int, to: Int, flags: UInt64 = 3, newCount: Int? = nil
  ) {
    let newCount = newCount ?? count
    add(
      .remap(
        address: address(from), length: UInt64(count) * 4096, newLength: UInt64(newCount) * 4096,
        flags: flags, newAddress: flags & 2 == 0 ? 0 : address(to)))
    if flags & 2 != 0 {
      shadow.move(
        from..<from + count, to: to..<to + newCount, keepsSource: flags & 4 != 0 || count == 0)
      moves.append(Move(from: from, to: to, count: newCount))
    }
  }

  /// Two pieces, touched apart or not, and what closes the gap.
  private mutating func fillBetweenTouched(_ first: Int) {
    let (left, gap, right) = (1 + random.below(3), 1 + random.below(3), 1 + random.below(3))
    mapPages(first..<first + left)
    mapPages(first + left + gap..<first + left + gap + right)
    if random.percent(75) { touchPage(first + random.below(left)) }
    if random.percent(75) { touchPage(first + left + gap + random.below(right)) }
    mapPages(first + left..<first + left + gap)
    if random.percent(40) { touchPage(first + left + random.below(gap)) }
  }

  /// Moves a piece away and home again.
  private mutating func thereAndBack(_ first: Int) {
    let count = 3 + random.below(4)
    let isFile = random.percent(25)
    let sharing: UInt64 = random.percent(50) ? MapBits.shared : MapBits.private
    mapPages(
      first..<first + count, 3, isFile ? sharing : 0, source: isFile ? .fileA : .none)
    if random.percent(60) { touchPage(first + random.below(count)) }
    let part = random.below(count)
    let partCount = 1 + random.below(count - part)
    let away = makePlace(for: partCount)
    movePages(first + part, partCount, to: away, flags: random.percent(80) ? 3 : 7)
    if random.percent(40) { touchPage(away + random.below(partCount)) }
    if random.percent(30) { touchPage(first + random.below(count)) }
    if random.percent(20) { mapPages(first + part..<first + part + partCount) }
    movePages(away, partCount, to: first + part)
  }

  /// Moves several VMAs with the gaps between them.
  private mutating func moveSeveral(_ first: Int) {
    var page = first
    for _ in 0..<2 + random.below(3) {
      let count = 1 + random.below(3)
      let isFile = random.percent(20)
      mapPages(
        page..<page + count, random.pick([3, 1, 3, 7]), isFile ? MapBits.shared : 0,
        source: isFile ? .fileB : .none, offset: UInt64(page % 200) * 4096)
      if random.percent(50) { touchPage(page + random.below(count)) }
      page += count + (random.percent(60) ? 0 : 1 + random.below(2))
    }
    let end = page + (random.percent(30) ? random.below(3) : 0)
    let start = random.percent(80) ? first : first + 1
    let to = random.percent(85) ? makePlace(for: end - start) : start + random.below(5)
    movePages(start, max(end - start, 1), to: to, flags: random.percent(75) ? 3 : 7)
    if random.percent(40) { movePages(to, max(end - start, 1), to: start) }
  }

  /// Protects a part, which may touch the rest, and takes it back.
  private mutating func protectAndBack(_ first: Int) {
    let count = 3 + random.below(5)
    mapPages(first..<first + count, random.pick([3, 3, 1, 0]))
    if random.percent(50) { touchPage(first + random.below(count)) }
    let part = random.below(count)
    let length = UInt64(1 + random.below(count - part)) * 4096
    for _ in 0..<2 {
      let protection: UInt64 = random.pick([1, 3, 3, 0, 5])
      shadow.change(first + part..<first + part + Int(length / 4096)) { $0.protection = protection }
      add(.protect(address: address(first + part), length: length, protection: protection))
      if random.percent(40) { touchPage(first + part) }
    }
  }

  /// Pieces of one mapping, alike again after a fork; or one piece, and something new beside it.
  private mutating func forkInPieces(_ first: Int) {
    let count = 4 + random.below(4)
    let part = 1 + random.below(count - 2)
    let isSplit = random.percent(60)
    mapPages(first..<first + count)
    if random.percent(50) {
      add(.advise(address: address(first), length: UInt64(count) * 4096, advice: 18))
    }
    if random.percent(70) { touchPage(first + random.below(part)) }
    if random.percent(70) { touchPage(first + part + random.below(count - part)) }
    let (start, length) = (address(first + part), UInt64(count - part) * 4096)
    if isSplit { add(.protect(address: start, length: length, protection: 1)) }
    add(.fork)
    if random.percent(20) { touchPage(first + random.below(part)) }
    if isSplit {
      add(.protect(address: start, length: length, protection: 3))
    } else {
      mapPages(first + count..<first + count + 1 + random.below(2))
    }
  }

  /// Something that ends where the heap starts, as a program's data does without address
  /// randomisation.
  mutating func mapBelowTheHeap() {
    let end = pages(window.base, (heapStart ?? window.base) - window.base).upperBound
    guard end > 0 else { return }
    mapPages(max(end - 1 - random.below(3), 0)..<end)
    if random.percent(60) { touchPage(end - 1) }
  }

  /// A stack, touched ever further below.
  private mutating func growDown(_ first: Int) {
    let top = min(first + 10, shadow.count - 2)
    if random.percent(50) {
      let below = max(top - random.pick([2, 4, 8, 255, 256, 257, 258, 260]), 0)
      mapPages(
        below..<min(below + 1, top), random.pick([0, 3, 1]),
        random.percent(30) ? MapBits.growsDown : 0)
    }
    mapPages(top..<top + 2, random.pick([3, 3, 3, 1, 0]), MapBits.growsDown)
    for _ in 0..<1 + random.below(4) {
      guard let stack = shadow.run(of: { $0 == .stack }).last else { return }
      let page = max(stack.lowerBound - 1 - random.below(random.percent(80) ? 3 : 260), 0)
      if let grown = shadow.pages[stack.lowerBound] {
        shadow.map(page..<stack.lowerBound, grown)
      }
      touchPage(page)
    }
  }

  /// A stack, something below it at the guard gap's distance or nearly so, and what comes between.
  private mutating func keepDistance() {
    let gap = 256
    guard shadow.count > gap + 10 else { return }
    let low = random.below(shadow.count - gap - 9)
    let stack = low + 1 + gap + 1 + random.below(4)
    mapPages(
      low..<low + 1, random.pick([3, 1, 5, 0]), random.percent(10) ? MapBits.growsDown : 0)
    mapPages(stack..<stack + 1, 3, MapBits.growsDown)
    for _ in 0..<1 + random.below(3) {
      let near = gap + random.below(3) - 1
      if random.percent(70) {
        touchPage(low + 1 + near)
      } else {
        // A hint that just keeps out of the gap, or doesn't.
        let count = 1 + random.below(2)
        add(
          .map(
            address: address(max(stack - near - count, 0)), length: UInt64(count) * 4096,
            protection: 3, flags: MapBits.private | MapBits.anonymous, source: .none, offset: 0))
      }
    }
  }

  /// Don't-unmap: the source stays.
  private mutating func leaveBehind(_ first: Int) {
    let count = 2 + random.below(5)
    let kind = random.below(4)
    mapPages(
      first..<first + count, 3, kind == 0 ? MapBits.shared : kind == 1 ? MapBits.locked : 0,
      source: kind == 2 ? .fileA : .none)
    if random.percent(70) { touchPage(first + random.below(count)) }
    let part = random.percent(50) ? 0 : random.below(count)
    let partCount = random.percent(50) ? count - part : 1 + random.below(count - part)
    let to = makePlace(for: partCount)
    movePages(first + part, partCount, to: to, flags: random.percent(70) ? 7 : 5)
    if random.percent(50) { touchPage(first + part) }
    if random.percent(50) { movePages(to, partCount, to: first + part) }
  }

  /// Old length 0: the same pages twice.
  private mutating func duplicate(_ first: Int) {
    let count = 1 + random.below(4)
    let source: ScriptSource = random.pick([.none, .fileA, .fileReadOnly])
    mapPages(
      first..<first + count, source == .fileReadOnly ? 1 : 3, MapBits.shared, source: source,
      offset: source == .none ? 0 : 4096 * random.below(UInt64(254)))
    let from = first + random.below(count)
    movePages(
      from, 0, to: random.percent(40) ? first + count : makePlace(for: 4),
      flags: random.pick([3, 3, 3, 1, 0]), newCount: 1 + random.below(4))
  }

  /// Locked memory that grows, in place or not, often against the limit.
  private mutating func growLocked(_ first: Int) {
    let count = 1 + random.below(4)
    mapPages(first..<first + count, random.pick([3, 1]), random.percent(60) ? MapBits.locked : 0)
    add(.lock(address: address(first), length: UInt64(1 + random.below(count)) * 4096))
    let newCount = count + 1 + random.below(6)
    movePages(
      first, count, to: makePlace(for: newCount), flags: random.pick([0, 1, 3]),
      newCount: newCount)
  }

  /// Shrinks, with more behind it than the VMA itself.
  private mutating func shrinkOverSeveral(_ first: Int) {
    mapPages(first..<first + 3)
    mapPages(first + 3 + random.below(2)..<first + 6, 1)
    movePages(
      first, 2 + random.below(6), to: makePlace(for: 3), flags: random.pick([0, 1, 3]),
      newCount: 1 + random.below(3))
  }
}
