// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport

/// Random operations of a child that change its map, of each kind that there is.
struct MappingScript {
  let child: MappingChild
  /// What has been done, for messages.
  private(set) var log: [String] = []
  private var threadCount = 0

  init(child: MappingChild) { self.child = child }

  private static let base = MappingChild.window
  private static let page: UInt64 = 4096
  private static let advice: [UInt64] = [
    UInt64(MADV_DONTFORK), UInt64(MADV_DOFORK), UInt64(MADV_RANDOM), UInt64(MADV_NORMAL),
    16 /* MADV_DONTDUMP */, 17, /* MADV_DODUMP */
  ]

  /// System calls of x86-64 and of arm64.
  private enum Number {
    #if arch(x86_64)
      static let (mmap, mremap, madvise, brk, mlock, munlock, prctl) = (
        9, 25, 28, 12, 149, 150, 157
      )
    #else
      static let (mmap, mremap, madvise, brk, mlock, munlock, prctl) =
        (222, 216, 233, 214, 228, 229, 167)
    #endif
  }

  mutating func perform(_ random: inout SeededGenerator) {
    let address = Self.base + random.below(64) * Self.page
    let length = (1 + random.below(8)) * Self.page
    func log(_ what: String, _ result: Int64) {
      self.log.append("\(what) \(String(address, radix: 16)) \(length / Self.page): \(result)")
    }
    switch random.below(13) {
    case 0, 1, 2:
      log("map", Int64(bitPattern: child.perform(.map, address, length, random.below(8))))
    case 3, 4:
      log("unmap", Int64(bitPattern: child.perform(.unmap, address, length)))
    case 5:
      log("protect", Int64(bitPattern: child.perform(.protect, address, length, random.below(8))))
    case 6:
      let target = Self.base + (64 + random.below(64)) * Self.page
      let newLength = (1 + random.below(8)) * Self.page
      // MREMAP_MAYMOVE, or with MREMAP_FIXED.
      let flags = 1 + 2 * random.below(2)
      log("remap", child.systemCall(Number.mremap, address, length, newLength, flags, target))
    case 7:
      log("advise", child.systemCall(Number.madvise, address, length, random.pick(Self.advice)))
    case 8:
      let number = random.below(2) == 0 ? Number.mlock : Number.munlock
      log("lock", child.systemCall(number, address, min(length, 4 * Self.page)))
    case 9:
      let now = UInt64(bitPattern: child.systemCall(Number.brk, 0))
      let end = random.below(2) == 0 ? now + length : now - min(random.below(5000), now)
      log("brk", child.systemCall(Number.brk, end))
    case 10:
      // PR_SET_VMA, PR_SET_VMA_ANON_NAME.
      let name = random.below(3) == 0 ? 0 : MappingChild.name
      log("name", child.systemCall(Number.prctl, 0x5356_4d41, 0, address, length, name))
    case 11:
      // MAP_SHARED, MAP_ANONYMOUS and MAP_FIXED; no descriptor. The offset is what is in the
      // register.
      log("share", child.systemCall(Number.mmap, address, length, 3, 0x31, .max))
    default:
      // Threads that ThreadSanitizer would have to know.
      guard !isThreadSanitizerBuild && threadCount < 3 else { return }
      threadCount += 1
      log("thread", Int64(child.perform(.startThread)))
      log("fork", Int64(child.perform(.forkChild)))
    }
  }
}
