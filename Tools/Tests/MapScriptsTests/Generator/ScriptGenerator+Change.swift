// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

extension ScriptGenerator {
  mutating func makeUnmap() -> ScriptOperation {
    let (address, length) = random.percent(50) ? rangeMapped() : rangeNear()
    shadow.unmap(pages(address, length))
    return .unmap(address: address, length: length)
  }

  mutating func makeProtect() -> ScriptOperation {
    let (address, length) = rangeMapped()
    var protection = makeProtection()
    if random.percent(profile == .stacks ? 12 : 3) { protection |= 0x0100_0000 }
    if random.percent(1) { protection |= 0x0200_0000 }
    shadow.change(pages(address, length)) { $0.protection = protection & 7 }
    return .protect(address: address, length: length, protection: protection)
  }

  mutating func makeAdvise() -> ScriptOperation {
    let (address, length) = rangeMapped()
    var advice = random.pick(ScriptWords.advice.values)
    // Those about forks.
    if profile == .forks && random.percent(70) { advice = random.pick([10, 11, 18, 18, 19]) }
    if random.percent(profile.oddPercent) { advice = random.pick([1000, 123_456, 0x7fff_ffff]) }
    mark += 1
    shadow.change(pages(address, length)) { $0.mark ^= advice << 32 }
    return .advise(address: address, length: length, advice: advice)
  }

  mutating func makeLock() -> ScriptOperation {
    let (address, length) = rangeMapped()
    shadow.change(pages(address, length)) { $0.mark |= MapBits.locked }
    var flags: UInt64 = 0
    if profile == .forks || profile == .heap { flags = random.pick([0, 0, 1, 1, 1, 2]) }
    return .lock(address: unaligned(address), length: length, flags: flags)
  }

  mutating func makeUnlock() -> ScriptOperation {
    let (address, length) = rangeMapped()
    shadow.change(pages(address, length)) { $0.mark &= ~MapBits.locked }
    return .unlock(address: unaligned(address), length: length)
  }

  /// `address`, or one in its page: locks don't mind.
  private mutating func unaligned(_ address: UInt64) -> UInt64 {
    random.percent(10) ? address &+ random.below(UInt64(4096)) : address
  }

  /// Seldom below the heap's start.
  mutating func makeBreak() -> ScriptOperation {
    var address = heapStart ?? window.base
    address += 4096 * random.below(UInt64(28)) + (random.oneIn(2) ? random.below(4096) : 0)
    if random.oneIn(20) { address = max(address - 3 * 4096, window.base) }
    let old = pages(window.base, programBreak - window.base).upperBound
    let new = pages(window.base, address - window.base).upperBound
    if new > old {
      shadow.map(old..<new, Shadow.Page(kind: .anonymous, protection: 3))
    } else {
      shadow.unmap(new..<old)
    }
    programBreak = address
    return .setBreak(address: oddly(address))
  }

  mutating func makeTouch() -> ScriptOperation {
    var page = pageNear()
    let stacks = shadow.run { $0 == .stack }
    if let stack = stacks.isEmpty ? nil : random.pick(stacks),
      random.percent(profile == .stacks ? 75 : 30)
    {
      let distance = random.pick(weighted: [
        (1, 40), (2, 15), (3 + random.below(6), 25), (254 + random.below(6), 12),
        (1 + random.below(shadow.count), 8),
      ])
      page = max(stack.lowerBound - distance, -2)
      if page >= 0, let grown = shadow.pages[stack.lowerBound] {
        shadow.map(page..<stack.lowerBound, grown)
      }
    } else {
      let writable = shadow.runs.filter { run in
        shadow.pages[run.lowerBound].map { $0.protection & 2 != 0 } ?? false
      }
      if !writable.isEmpty && random.percent(75) {
        let run = random.pick(writable)
        page = run.lowerBound + random.below(run.count)
      }
    }
    if random.percent(profile.oddPercent) {
      return .touch(
        address: random.pick([0, 8, window.end, window.base &- 1, 1 << 47, 1 << 63, .max]))
    }
    return .touch(address: address(page) &+ random.pick([0, 0, 1, 4095, 2000]))
  }

  mutating func makeQuery() -> ScriptOperation {
    var flags: UInt64 = 0
    for bit in [1, 2, 4, 8, 0x20] as [UInt64] where random.percent(15) { flags |= bit }
    if random.percent(55) { flags |= 0x10 }
    if random.percent(1) { flags |= random.pick([0x40, 1 << 31, 1 << 63]) }
    let address = oddly(address(pageNear())) &+ random.pick([0, 0, 1, 4095])
    return .query(address: address, flags: flags)
  }
}

// MARK: - Moving

extension ScriptGenerator {
  mutating func makeRemap() -> ScriptOperation {
    var (from, count) = makeMoved()
    count = clamped(count, from: from)
    var newCount = count
    switch random.below(100) {
    case 0..<50: break
    case 50..<75: newCount += 1 + random.below(4)
    case 75..<95: newCount = 1 + random.below(max(count, 1))
    default: newCount = lengthNear()
    }
    var length = UInt64(count) * 4096
    if random.percent(profile == .files ? 10 : 3) { length = 0 }
    let flags = random.pick(
      weighted: [
        (0, 14), (1, 22), (3, 40), (5, 8), (7, 10), (2, 1), (4, 1), (6, 1), (8, 1),
        (1 << 32 | 1, 1),
      ] as [(UInt64, Int)])
    if flags & 4 != 0 && random.percent(90) { newCount = count }
    var target: UInt64 = 0
    if flags & 2 != 0 || random.percent(15) {
      target = oddly(address(makeTarget(from: from, count: count, newCount: newCount)))
    }
    let operation = ScriptOperation.remap(
      address: oddly(address(from)), length: oddlyLong(length),
      newLength: oddlyLong(UInt64(newCount) * 4096), flags: flags, newAddress: target)
    note(operation, from: from, count: count, newCount: newCount)
    return operation
  }

  /// What is moved or resized.
  private mutating func makeMoved() -> (from: Int, count: Int) {
    let runs = shadow.runs
    guard !runs.isEmpty, !random.percent(12) else { return (pageNear(), lengthNear()) }
    let index = random.below(runs.count)
    let run = runs[index]
    switch random.below(100) {
    case 0..<40:
      return (run.lowerBound, run.count)
    case 40..<65:
      // A part that ends where the run ends, or begins where it begins, or neither.
      let first = run.lowerBound + random.below(run.count)
      let count = 1 + random.below(run.upperBound - first)
      return random.percent(30) ? (run.lowerBound, count) : (first, count)
    case 65..<90:
      // Several.
      let further = profile == .crowded && random.percent(50) ? 100 : 3
      let last = runs[min(index + 1 + random.below(further), runs.count - 1)]
      let end =
        random.percent(60) ? last.upperBound : last.lowerBound + 1 + random.below(last.count)
      let first = random.percent(70) ? run.lowerBound : run.lowerBound + random.below(run.count)
      return (first, max(end - first, 1) + (random.percent(10) ? random.below(3) : 0))
    default:
      // What was moved before.
      guard !moves.isEmpty else { return (run.lowerBound, run.count) }
      let move = random.pick(moves)
      return (move.to, move.count)
    }
  }

  /// Where it is moved to: back home, beside something, or anywhere.
  private mutating func makeTarget(from: Int, count: Int, newCount: Int) -> Int {
    if let home = moves.last(where: { $0.to == from && $0.count == count }), random.percent(60) {
      return home.from
    }
    let runs = shadow.runs
    if let run = runs.isEmpty ? nil : random.pick(runs), random.percent(50) {
      let beside = random.percent(60) ? run.upperBound : run.lowerBound - newCount
      if beside >= 0 && (beside + newCount <= shadow.count || !isConfined) { return beside }
    }
    return makePlace(for: newCount)
  }

  /// Any place for so many pages: in a window that is confined, where they fit.
  mutating func makePlace(for count: Int) -> Int {
    random.below(max(shadow.count - (isConfined ? count : 0), 1))
  }

  private mutating func note(
    _ operation: ScriptOperation, from: Int, count: Int, newCount: Int
  ) {
    guard case .remap(let address, let length, _, let flags, let newAddress) = operation,
      address == self.address(from)
    else { return }
    let source = from..<from + max(count, 0)
    if flags & 2 != 0 {
      let target = pages(newAddress, UInt64(newCount) * 4096)
      guard !target.isEmpty else { return }
      shadow.move(source, to: target, keepsSource: flags & 4 != 0 || length == 0)
      moves.append(Move(from: from, to: target.lowerBound, count: newCount))
    } else if newCount < count {
      shadow.unmap(from + newCount..<from + count)
    } else if newCount > count {
      shadow.move(source, to: from..<from + newCount, keepsSource: true)
    }
  }
}
