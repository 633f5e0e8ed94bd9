// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// Bits of `mmap` that the generator and the facts use by name.
enum MapBits {
  static let shared: UInt64 = 1
  static let `private`: UInt64 = 2
  static let sharedValidate: UInt64 = 3
  static let droppable: UInt64 = 8
  static let fixed: UInt64 = 0x10
  static let anonymous: UInt64 = 0x20
  static let growsDown: UInt64 = 0x100
  static let denyWrite: UInt64 = 0x800
  static let executable: UInt64 = 0x1000
  static let locked: UInt64 = 0x2000
  static let noReserve: UInt64 = 0x4000
  static let populate: UInt64 = 0x8000
  static let nonBlock: UInt64 = 0x10000
  static let stack: UInt64 = 0x20000
  static let sync: UInt64 = 0x80000
  static let noReplace: UInt64 = 0x100000
  /// `MAP_32BIT` and `MAP_ABOVE4G`, for which the format has no words.
  static let low2GiB: UInt64 = 0x40
  static let above4GiB: UInt64 = 0x80
  /// Accepted everywhere, and of no effect: `MAP_UNINITIALIZED`.
  static let uninitialized: UInt64 = 0x400_0000
}

extension ScriptGenerator {
  mutating func makeMap() -> ScriptOperation {
    var (address, length) = rangeNear()
    var flags: UInt64 = 0
    var source = ScriptSource.none
    if random.percent(profile.anonymousPercent) {
      flags = MapBits.private | MapBits.anonymous
    } else {
      flags = makeSharing()
      if flags & 0xf == MapBits.droppable || random.percent(30) {
        flags |= MapBits.anonymous
      } else {
        source = random.pick([.fileA, .fileA, .fileA, .fileB, .fileC, .fileReadOnly])
      }
    }
    if random.percent(profile.fixedPercent) {
      flags |= random.percent(90) ? MapBits.fixed : MapBits.noReplace
    } else if random.percent(50) {
      address = 0
    }
    addRareFlags(&flags)
    if flags & MapBits.anonymous == 0 && source == .none || random.oneIn(150) {
      source = random.pick(ScriptSource.allCases)
    }
    let offset = makeOffset(address, hasFile: flags & MapBits.anonymous == 0)
    let operation = ScriptOperation.map(
      address: address, length: length, protection: makeProtection(), flags: flags,
      source: source, offset: offset)
    noteMap(operation)
    return operation
  }

  /// The sharing type of what isn't private anonymous memory.
  private mutating func makeSharing() -> UInt64 {
    random.pick(weighted: [
      (MapBits.shared, 45), (MapBits.private, 30), (MapBits.sharedValidate, 8),
      (MapBits.droppable, 12), (0, 2), (MapBits.droppable | MapBits.private, 1), (4, 1), (0xf, 1),
    ])
  }

  private mutating func addRareFlags(_ flags: inout UInt64) {
    let stackPercent: UInt64 = profile == .stacks ? 45 : profile == .heap ? 15 : 4
    let lockPercent: UInt64 = profile == .locks ? 20 : 4
    if random.percent(stackPercent) && (flags & MapBits.private != 0 || random.oneIn(5)) {
      flags |= MapBits.growsDown
    }
    if random.percent(lockPercent) { flags |= MapBits.locked }
    if random.percent(7) { flags |= MapBits.noReserve }
    if random.percent(6) { flags |= MapBits.populate }
    if random.percent(4) { flags |= MapBits.stack }
    if random.percent(2) { flags |= MapBits.nonBlock }
    if random.percent(2) { flags |= MapBits.sync }
    if random.percent(1) { flags |= MapBits.denyWrite }
    if random.percent(1) { flags |= MapBits.executable }
    if random.percent(1) { flags |= MapBits.uninitialized }
    if random.percent(1) { flags |= random.pick([0x80_0000, 0x200, 1 << 32, 1 << 63]) }
    // The kernel searches from a random place in the 32 MiB behind 1 GiB.
    let isRandom = window.base < 0x4200_0000 && window.end > 0x4000_0000
    if random.percent(2) && !isRandom { flags |= MapBits.low2GiB }
    if random.percent(1) { flags |= MapBits.above4GiB }
    if random.oneIn(150) { flags &= ~MapBits.anonymous }
  }

  /// An offset that continues other pieces of the same file, often.
  private mutating func makeOffset(_ address: UInt64, hasFile: Bool) -> UInt64 {
    if random.percent(profile.oddPercent) {
      return random.pick([
        1, 2048, 4096, 0x7fff_ffff_ffff_e000, 0x7fff_ffff_ffff_f000, 0x8000_0000_0000_0000,
        .max - 4095, .max, 0xff000,
      ])
    }
    guard hasFile else { return random.percent(96) ? 0 : 4096 * random.below(UInt64(10)) }
    let page = (address &- window.base) / 4096 % 256
    let shift = random.pick(weighted: [(0, 70), (1, 8), (5, 8), (250, 14)] as [(UInt64, Int)])
    return (page + shift) * 4096
  }

  mutating func makeProtection() -> UInt64 {
    var protection = random.pick(
      weighted: [
        (3, 58), (1, 18), (0, 8), (5, 4), (7, 5), (2, 4), (4, profile == .keys ? 40 : 2), (6, 1),
      ] as [(UInt64, Int)])
    // Executable only, but without a key.
    if profile == .keys && protection == 4 && random.percent(20) { protection |= 8 }
    if random.percent(3) { protection |= random.pick([8, 8, 0x10, 0x400, 1 << 31, 1 << 40]) }
    return protection
  }

  mutating func noteMap(_ operation: ScriptOperation) {
    guard case .map(let address, let length, let protection, let flags, let source, _) = operation
    else { return }
    let kind: Shadow.Kind
    if flags & MapBits.anonymous == 0 {
      kind = .file(source.rawValue, isShared: flags & MapBits.shared != 0)
    } else if flags & MapBits.growsDown != 0 {
      kind = .stack
    } else if flags & 0xf == MapBits.droppable {
      kind = .droppable
    } else if flags & MapBits.shared != 0 {
      kind = .shared
    } else {
      kind = .anonymous
    }
    let apart = MapBits.locked | MapBits.noReserve | MapBits.stack
    let page = Shadow.Page(kind: kind, protection: protection & 7, mark: flags & apart)
    shadow.map(pages(address, length), page)
  }
}
