// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The words of the format for one kind of number, with the bits that they stand for.
public struct ScriptWords: Sendable {
  /// What the numbers are called in messages.
  let meaning: String
  /// In the order in which they are written.
  let words: [(word: String, value: UInt64)]
  /// Whether words of one letter may be written as one, each once: `rw`.
  let joinsLetters: Bool

  init(meaning: String, joinsLetters: Bool = false, words: [(word: String, value: UInt64)]) {
    self.meaning = meaning
    self.words = words
    self.joinsLetters = joinsLetters
  }

  /// `PROT_*`.
  public static let protection = ScriptWords(
    meaning: "a protection", joinsLetters: true,
    words: [
      ("r", 1), ("w", 2), ("x", 4), ("sem", 8), ("growsdown", 0x0100_0000),
      ("growsup", 0x0200_0000),
    ])

  /// `MAP_*`.
  public static let mapFlags = ScriptWords(
    meaning: "a flag of mmap",
    words: [
      ("shared_validate", 3), ("shared", 1), ("private", 2), ("droppable", 8), ("fixed", 0x10),
      ("anon", 0x20), ("growsdown", 0x100), ("denywrite", 0x800), ("executable", 0x1000),
      ("locked", 0x2000), ("noreserve", 0x4000), ("populate", 0x8000), ("nonblock", 0x10000),
      ("stack", 0x20000), ("sync", 0x80000), ("noreplace", 0x100000),
    ])

  /// `MREMAP_*`.
  public static let remapFlags = ScriptWords(
    meaning: "a flag of mremap", words: [("maymove", 1), ("fixed", 2), ("dontunmap", 4)])

  /// `MLOCK_*`.
  public static let lockFlags = ScriptWords(meaning: "a flag of mlock", words: [("onfault", 1)])

  /// `PROCMAP_QUERY_*`.
  public static let queryFlags = ScriptWords(
    meaning: "a flag of query",
    words: [("r", 1), ("w", 2), ("x", 4), ("s", 8), ("next", 0x10), ("file", 0x20)])

  /// `MADV_*`: exactly one, or a number from ``minimumUnknownAdvice`` on.
  public static let advice = ScriptWords(
    meaning: "an advice",
    words: [
      ("normal", 0), ("random", 1), ("sequential", 2), ("dontfork", 10), ("dofork", 11),
      ("mergeable", 12), ("unmergeable", 13), ("hugepage", 14), ("nohugepage", 15),
      ("dontdump", 16), ("dodump", 17), ("wipeonfork", 18), ("keeponfork", 19),
    ])

  /// Numbers from here on are advices that Linux doesn't know.
  public static let minimumUnknownAdvice: UInt64 = 1000

  /// The values that have a word.
  public var values: [UInt64] { words.map(\.value) }

  func value(of word: String) -> UInt64? {
    words.first { $0.word == word }?.value ?? (joinsLetters ? joined(word) : nil)
  }

  private func joined(_ letters: String) -> UInt64? {
    var result: UInt64 = 0
    for letter in letters {
      guard let value = words.first(where: { $0.word == String(letter) })?.value,
        result & value == 0
      else { return nil }
      result |= value
    }
    return letters.isEmpty ? nil : result
  }

  func word(of value: UInt64) -> String? { words.first { $0.value == value }?.word }

  /// The text of an OR of flags: words, and one number for the bits without a word; `-` for none.
  func text(of flags: UInt64) -> String {
    var parts: [String] = []
    var rest = flags
    var letters = ""
    for (word, value) in words where rest & value == value {
      if joinsLetters && word.count == 1 { letters += word } else { parts.append(word) }
      rest &= ~value
    }
    if !letters.isEmpty { parts.insert(letters, at: 0) }
    if rest != 0 { parts.append(ScriptWords.hex(rest)) }
    return parts.isEmpty ? "-" : parts.joined(separator: "|")
  }

  static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

extension ScriptOperation: CustomStringConvertible {
  /// The line of the script.
  public var description: String {
    let fields: [String]
    switch self {
    case .map(let address, let length, let protection, let flags, let source, let offset):
      fields = [
        ScriptWords.hex(address), ScriptWords.hex(length),
        ScriptWords.protection.text(of: protection), ScriptWords.mapFlags.text(of: flags),
        source.word, ScriptWords.hex(offset),
      ]
    case .protect(let address, let length, let protection):
      fields = [
        ScriptWords.hex(address), ScriptWords.hex(length),
        ScriptWords.protection.text(of: protection),
      ]
    case .remap(let address, let length, let newLength, let flags, let newAddress):
      fields =
        [
          ScriptWords.hex(address), ScriptWords.hex(length), ScriptWords.hex(newLength),
          ScriptWords.remapFlags.text(of: flags),
        ] + (newAddress == 0 ? [] : [ScriptWords.hex(newAddress)])
    case .advise(let address, let length, let advice):
      fields = [
        ScriptWords.hex(address), ScriptWords.hex(length),
        ScriptWords.advice.word(of: advice) ?? String(advice),
      ]
    case .lock(let address, let length, let flags):
      fields =
        [ScriptWords.hex(address), ScriptWords.hex(length)]
        + (flags == 0 ? [] : [ScriptWords.lockFlags.text(of: flags)])
    case .query(let address, let flags):
      fields = [ScriptWords.hex(address), ScriptWords.queryFlags.text(of: flags)]
    case .unmap, .unlock, .setBreak, .fork, .touch, .dump:
      fields = numbers.map(ScriptWords.hex)
    }
    return ([kind.rawValue] + fields).joined(separator: " ")
  }
}
