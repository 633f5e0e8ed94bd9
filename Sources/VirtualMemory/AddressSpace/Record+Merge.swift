// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What neighbours must have in common to become one VMA.
extension Record {
  /// Whether the VMA's pages are the process's own: `vma_is_anonymous`.
  var isAnonymous: Bool { MapObject(word: object)?.isAnonymousName ?? true }

  /// The file, or 0. It decides whether an `anon_vma` can be shared; names don't.
  private var file: UInt { isAnonymous ? 0 : object }

  var isSpecial: Bool { MapObject(word: object)?.isSpecial == true }

  /// The flags that merging compares.
  private var comparedFlags: VMAFlags { flags.subtracting(.inherited) }

  /// Whether `self` and `next`, which starts where `self` ends, agree in everything but the
  /// `anon_vma`.
  ///
  /// - Source: `is_mergeable_vma`, `can_vma_merge_before`, `can_vma_merge_after`.
  private func continues(in next: Record) -> Bool {
    end == next.start && comparedFlags == next.comparedFlags
      && pageOffset &+ pageCount == next.pageOffset && !isSpecial && showsSame(as: next)
  }

  /// Whether both have the same file or none, and the same name or none. Names are the same if
  /// their bytes are, even if two calls gave them.
  ///
  /// - Source: `anon_vma_name_eq`.
  private func showsSame(as other: Record) -> Bool {
    if object == other.object { return true }
    guard let first = MapObject(word: object), let second = MapObject(word: other.object) else {
      return false
    }
    return first.isEqual(to: second)
  }

  /// Whether `self`, a new VMA or a changed part of one, can have one `anon_vma` together with its
  /// existing neighbour `other`: they have the same, or one has none yet and the other's is not
  /// inherited.
  ///
  /// - Source: `is_mergeable_anon_vma`.
  private func sharesAnonVMA(with other: Record) -> Bool {
    if anonVMA == other.anonVMA { return true }
    if other.anonVMA == 0 { return !flags.contains(.inherited) }
    return anonVMA == 0 && !other.flags.contains(.inherited)
  }

  /// Whether `self` can be merged with the existing VMA `before` it.
  func canMerge(after before: Record) -> Bool {
    before.continues(in: self) && sharesAnonVMA(with: before)
  }

  /// Whether `self` can be merged with the existing VMA `after` it.
  ///
  /// - Parameter before: the VMA that `self` will be merged with on the other side. Its `anon_vma`
  ///   and that of `after` must agree, too.
  /// - Source: `can_vma_merge_right`.
  func canMerge(before after: Record, mergingAfter before: Record?) -> Bool {
    guard continues(in: after), sharesAnonVMA(with: after) else { return false }
    guard let before else { return true }
    return before.anonVMA == 0 || after.anonVMA == 0
      || before.anonVMA == after.anonVMA
  }

  /// `self` and the following `next` as one VMA, with the `anon_vma` of whichever has one.
  ///
  /// - Source: `dup_anon_vma`.
  func merged(with next: Record) -> Record {
    var merged = self
    merged.end = next.end
    if anonVMA == 0 { merged.anonVMA = next.anonVMA }
    merged.flags.formUnion(next.flags.intersection(.inherited))
    return merged
  }

  /// Whether a first write to `self` takes over the `anon_vma` of `neighbour`. `first` and `second`
  /// are the two in the order of their addresses.
  ///
  /// The VMAs needn't be mergeable: they may differ in what `mprotect` can change.
  ///
  /// - Source: `reusable_anon_vma`, `anon_vma_compatible`.
  static func canShareAnonVMA(of neighbour: Record, _ first: Record, _ second: Record) -> Bool {
    neighbour.anonVMA != 0 && !neighbour.flags.contains(.inherited)
      && first.end == second.start && first.file == second.file
      && first.comparedFlags.subtracting(.access) == second.comparedFlags.subtracting(.access)
      && first.pageOffset &+ first.pageCount == second.pageOffset
  }
}

/// How a VMA counts against the limits.
extension Record {
  /// - Source: `is_data_mapping`.
  static func isData(_ flags: VMAFlags) -> Bool {
    flags.intersection([.write, .shared, .growsDown]) == .write
  }

  /// Of a file, and not shared.
  var isPrivateFile: Bool {
    object != 0 && !flags.contains(.mayShare) && MapObject(word: object)?.isFile == true
  }
}
