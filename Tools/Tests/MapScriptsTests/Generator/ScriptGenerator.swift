// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// Makes random scripts: all operations with all flags, right and wrong, mostly at the edges of
/// what is already mapped, since that is where VMAs split and merge.
struct ScriptGenerator {
  /// How often a script has `limit maps`, once in so many: the kernel's side must then fill its
  /// map, which takes as long as a hundred other scripts.
  var mapLimitRarity: UInt64 = 40

  /// The kind of machine that scripts are for. They are the same scripts otherwise.
  var hasExecuteOnlyKeys = false

  var random: ScriptRandom
  var profile = Profile.mixed
  var window = MapScript.Window(base: 4096, length: 4096)
  var isConfined = false
  var heapStart: UInt64?
  /// Where the break is if all its moves succeeded.
  var programBreak: UInt64 = 0
  var limits = MapScript.Limits()
  var shadow = Shadow(pageCount: 0)
  var operations: [ScriptOperation] = []
  /// Moves that may be undone.
  var moves: [Move] = []
  /// The next `mark` of the shadow's pages.
  var mark: UInt64 = 0

  /// A move of pages, counted from the window's start.
  struct Move {
    var from: Int
    var to: Int
    var count: Int
  }

  private let onlyProfile: Profile?

  /// - Parameter profile: of all scripts; `nil` for a random one of those that have a weight.
  init(seed: UInt64, profile: Profile? = nil) {
    random = ScriptRandom(seed: seed)
    onlyProfile = profile
  }

  /// The next script.
  mutating func next() -> MapScript {
    profile = onlyProfile ?? random.pick(weighted: Profile.allCases.map { ($0, $0.weight) })
    window = makeWindow()
    heapStart = profile == .heap ? makeHeapStart() : nil
    programBreak = heapStart ?? 0
    isConfined = random.percent(profile == .placement ? 90 : 45)
    limits = makeLimits()
    shadow = Shadow(pageCount: Int(window.length / 4096))
    operations = []
    moves = []
    if profile == .crowded { crowd() }
    if profile == .heap && random.percent(50) { mapBelowTheHeap() }
    let end = operations.count + 2 * random.pick([6, 12, 20, 30, 45])
    while operations.count < end {
      if random.percent(profile.scenePercent) { playScene() } else { step() }
    }
    return MapScript(
      window: window, hasExecuteOnlyKeys: hasExecuteOnlyKeys, isConfined: isConfined,
      heapStart: heapStart, limits: limits, operations: operations)
  }

  /// Low addresses, where a process has nothing of its own and its maps' text begins.
  private mutating func makeWindow() -> MapScript.Window {
    var base: UInt64 = random.pick([0x10_0000, 0x10_0000, 0x1_0000, 0x4000_0000, 0x7fff_0000])
    // Around the lowest address that the kernel chooses, and where its search from below begins.
    if random.oneIn(12) {
      base = random.pick([0x1000, 0x8000, 0x2000_0000_0000, 0x3000_0000_0000])
    }
    var pages = random.pick([8, 16, 16, 24, 32, 48, 64] as [UInt64])
    switch profile {
    case .stacks where random.percent(70): pages = random.pick([270, 300, 530, 800])
    case .placement:
      // Some areas of 2 MiB, with and without aligned edges.
      base = random.pick([0x40_0000, 0x20_0000, 0x4000_0000, 0x4001_3000])
      pages = random.pick([512, 1024, 1536, 2560, 2600])
    case .crowded:
      pages = random.pick([200, 400, 800])
    case .heap:
      // The kernel lets no heap start below 64 KiB.
      base = random.pick([0x10_0000, 0x1_0000, 0x4000_0000])
      pages = random.pick([24, 32, 48, 300, 400])
    default: break
    }
    return MapScript.Window(base: base, length: pages * 4096)
  }

  private mutating func makeHeapStart() -> UInt64 {
    window.base + 4096 * random.below(UInt64(8)) + (random.oneIn(3) ? random.below(4096) : 0)
  }

  private mutating func makeLimits() -> MapScript.Limits {
    var limits = MapScript.Limits()
    let share: UInt64 = profile == .limits ? 50 : profile == .heap ? 15 : 4
    if random.percent(profile == .locks ? 50 : share) {
      limits.lockedMemory = random.below(UInt64(14)) * 4096
    }
    if random.percent(share) { limits.addressSpace = random.below(UInt64(40)) * 4096 }
    if random.percent(share) { limits.data = random.below(UInt64(25)) * 4096 }
    if random.percent(profile == .stacks ? 35 : share / 2) {
      limits.stack = (1 + random.below(UInt64(30))) * 4096
    }
    // Not only whole pages.
    if random.oneIn(10) { limits.addressSpace = limits.addressSpace.map { $0 + 2000 } }
    if random.oneIn(10) { limits.stack = limits.stack.map { $0 + 2000 } }
    if random.oneIn(10) { limits.lockedMemory = limits.lockedMemory.map { $0 + 4095 } }
    if random.oneIn(profile == .limits ? max(mapLimitRarity / 8, 2) : mapLimitRarity) {
      limits.mapCount = random.below(UInt64(12))
    }
    return limits
  }

  /// Adds an operation, and looks what it has done.
  mutating func add(_ operation: ScriptOperation) {
    operations.append(operation)
    if operation.kind == .query || operation.kind == .dump { return }
    if random.percent(12) { operations.append(makeQuery()) }
    operations.append(.dump)
  }

  private mutating func step() {
    switch random.pick(weighted: profile.weights) {
    case .map: add(makeMap())
    case .unmap: add(makeUnmap())
    case .protect: add(makeProtect())
    case .remap: add(makeRemap())
    case .advise: add(makeAdvise())
    case .lock: add(makeLock())
    case .unlock: add(makeUnlock())
    case .setBreak: add(makeBreak())
    case .fork: add(.fork)
    case .touch: add(makeTouch())
    case .query: add(makeQuery())
    case .dump: add(.dump)
    }
  }
}

// MARK: - Addresses and lengths

extension ScriptGenerator {
  func address(_ page: Int) -> UInt64 { window.base &+ UInt64(bitPattern: Int64(page)) &* 4096 }

  /// The pages that the range covers, counted from the window's start; empty for what is odd.
  func pages(_ address: UInt64, _ length: UInt64) -> Range<Int> {
    let start = Int64(bitPattern: address &- window.base)
    guard start >= -(1 << 30), start < 1 << 30, length < 1 << 30 else { return 0..<0 }
    let first = Int(start >> 12)
    return first..<first + Int((length + 4095) >> 12)
  }

  /// A page at which something begins or ends, or any.
  mutating func pageNear() -> Int {
    let runs = shadow.runs
    if !runs.isEmpty && random.percent(70) {
      let run = random.pick(runs)
      let edge = random.pick([run.lowerBound, run.lowerBound, run.upperBound, run.upperBound - 1])
      let page = random.percent(75) ? edge : edge + random.below(3) - 1
      return min(max(page, 0), shadow.count - 1)
    }
    // In a large window, not far from the rest.
    return random.below(random.percent(60) ? min(shadow.count, 24) : shadow.count)
  }

  /// How many pages.
  mutating func lengthNear() -> Int {
    if profile == .placement && random.percent(60) {
      return random.pick([512, 512, 1024, 511, 513, 256, 1, 2])
    }
    if profile == .crowded && random.percent(40) { return 1 + random.below(shadow.count / 2) }
    return random.percent(85) ? 1 + random.below(5) : 1 + random.below(min(shadow.count, 64))
  }

  /// A range, often exactly one of those that are mapped.
  mutating func rangeNear() -> (address: UInt64, length: UInt64) {
    var first = pageNear()
    var count = lengthNear()
    let runs = shadow.runs
    if !runs.isEmpty && random.percent(25) {
      let run = random.pick(runs)
      (first, count) = (run.lowerBound, run.count)
      if random.percent(20) { count += 1 }
    } else if runs.count > 1 && random.percent(10) {
      // From somewhere in one to somewhere in another.
      let index = random.below(runs.count - 1)
      first = runs[index].lowerBound + random.below(runs[index].count)
      count = runs[index + 1].lowerBound + 1 + random.below(runs[index + 1].count) - first
    }
    count = clamped(count, from: first)
    return (oddly(address(first)), oddlyLong(UInt64(count) * 4096))
  }

  /// A range of which all is mapped, mostly, and which often begins or ends where a VMA does.
  mutating func rangeMapped() -> (address: UInt64, length: UInt64) {
    let runs = shadow.runs
    guard !runs.isEmpty, random.percent(75) else { return rangeNear() }
    let index = random.below(runs.count)
    let run = runs[index]
    var first = run.lowerBound
    var end = run.upperBound
    if random.percent(50) { first += random.below(run.count) }
    if random.percent(50) { end = first + 1 + random.below(end - first) }
    if random.percent(25) {
      // On into what follows without a hole.
      let share: UInt64 = profile == .crowded ? 95 : 60
      var next = index + 1
      while next < runs.count && runs[next].lowerBound == runs[next - 1].upperBound
        && random.percent(share)
      {
        next += 1
      }
      let last = runs[next - 1]
      if next > index + 1 { end = last.lowerBound + 1 + random.below(last.count) }
    }
    return (oddly(address(first)), oddlyLong(UInt64(end - first) * 4096))
  }

  /// How many pages from `first` on, but seldom more than there are in a window that is confined:
  /// the kernel's side refuses to touch what confines it.
  mutating func clamped(_ count: Int, from first: Int) -> Int {
    guard isConfined, !random.oneIn(200) else { return count }
    return max(min(count, shadow.count - first), 1)
  }

  /// Mostly `address` itself.
  mutating func oddly(_ address: UInt64) -> UInt64 {
    guard random.percent(profile.oddPercent) else { return address }
    return random.pick([
      address &+ 1 &+ random.below(UInt64(4095)), address &+ 2048, 0, 4096, window.end,
      window.base &- 4096, window.end &- 4096, 0x7fff_ffff_e000, 0x7fff_ffff_f000,
      0x8000_0000_0000, 0xffff_8000_0000_0000, 0xffff_ffff_ffff_f000, .max, 1 << 63,
    ])
  }

  /// Mostly `length` itself, or not much less.
  mutating func oddlyLong(_ length: UInt64) -> UInt64 {
    guard random.percent(profile.oddPercent + 4) else { return length }
    if random.percent(60) && length > 0 { return length - random.below(min(length, 4096)) }
    return random.pick([
      0, 0, 1, .max, .max - 4095, .max - 4096, 1 << 63, 0x7fff_ffff_f000, 1 << 47,
      window.length * 2, window.length,
    ])
  }
}
