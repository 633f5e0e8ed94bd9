// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// One operation of a ``MapScript``, with its arguments as the script gives them: as the kernel
/// would get them, wrong ones included.
public enum ScriptOperation: Sendable, Hashable {
  /// `mmap`. Lengths and offsets in bytes, as everywhere here.
  case map(
    address: UInt64, length: UInt64, protection: UInt64, flags: UInt64, source: ScriptSource,
    offset: UInt64)
  /// `munmap`.
  case unmap(address: UInt64, length: UInt64)
  /// `mprotect`.
  case protect(address: UInt64, length: UInt64, protection: UInt64)
  /// `mremap`.
  case remap(
    address: UInt64, length: UInt64, newLength: UInt64, flags: UInt64, newAddress: UInt64)
  /// `madvise`. A number that isn't one of the format's words stands for an advice nobody knows.
  case advise(address: UInt64, length: UInt64, advice: UInt64)
  /// `mlock2`; without flags, `mlock`.
  case lock(address: UInt64, length: UInt64, flags: UInt64 = 0)
  /// `munlock`.
  case unlock(address: UInt64, length: UInt64)
  /// `brk`. Only in a script with a heap.
  case setBreak(address: UInt64)
  /// `fork`. The child carries out what follows.
  case fork
  /// Writes one byte, as from user space.
  case touch(address: UInt64)
  /// `PROCMAP_QUERY`.
  case query(address: UInt64, flags: UInt64)
  /// The lines of the maps that intersect the window.
  case dump
}

/// Where a mapping's pages come from, as far as the script says: the descriptor of `mmap`.
public enum ScriptSource: UInt8, Sendable, Hashable, CaseIterable {
  /// Descriptor -1.
  case none
  /// A file of 1 MiB, open for reading and writing.
  case fileA, fileB, fileC
  /// Another one, open for reading only.
  case fileReadOnly

  /// The word of the format.
  public var word: String {
    switch self {
    case .none: "-"
    case .fileA: "file:A"
    case .fileB: "file:B"
    case .fileC: "file:C"
    case .fileReadOnly: "file:RO"
    }
  }

  /// The path that the text shows; `nil` for no file.
  public var path: String? {
    self == .none ? nil : "/tmp/trace/" + word.dropFirst(5)
  }

  /// Bytes of a file.
  public static var byteCount: UInt64 { 1 << 20 }
}

/// What an operation does, without its arguments.
public enum ScriptOperationKind: String, Sendable, Hashable, CaseIterable {
  case map = "mmap"
  case unmap = "munmap"
  case protect = "mprotect"
  case remap = "mremap"
  case advise = "madvise"
  case lock = "mlock"
  case unlock = "munlock"
  case setBreak = "brk"
  case fork, touch, query, dump

  /// How many fields may follow the operation's word.
  public var fieldCounts: ClosedRange<Int> {
    switch self {
    case .map: 6...6
    case .remap: 4...5
    case .protect, .advise: 3...3
    case .lock: 2...3
    case .unmap, .unlock, .query: 2...2
    case .setBreak, .touch: 1...1
    case .fork, .dump: 0...0
    }
  }
}

// MARK: - As numbers

extension ScriptOperation {
  public var kind: ScriptOperationKind {
    switch self {
    case .map: .map
    case .unmap: .unmap
    case .protect: .protect
    case .remap: .remap
    case .advise: .advise
    case .lock: .lock
    case .unlock: .unlock
    case .setBreak: .setBreak
    case .fork: .fork
    case .touch: .touch
    case .query: .query
    case .dump: .dump
    }
  }

  /// The descriptor; ``ScriptSource/none`` of operations that take none.
  public var source: ScriptSource {
    if case .map(_, _, _, _, let source, _) = self { source } else { .none }
  }

  /// The arguments but for the descriptor, in the order of the script's fields.
  public var numbers: [UInt64] {
    switch self {
    case .map(let address, let length, let protection, let flags, _, let offset):
      [address, length, protection, flags, offset]
    case .remap(let address, let length, let newLength, let flags, let newAddress):
      [address, length, newLength, flags, newAddress]
    case .protect(let address, let length, let third),
      .advise(let address, let length, let third), .lock(let address, let length, let third):
      [address, length, third]
    case .unmap(let first, let second), .unlock(let first, let second),
      .query(let first, let second):
      [first, second]
    case .setBreak(let address), .touch(let address): [address]
    case .fork, .dump: []
    }
  }

  /// The operation of `kind` with `numbers` as ``numbers`` gives them.
  ///
  /// - Precondition: as many numbers as the kind has.
  public init(_ kind: ScriptOperationKind, source: ScriptSource = .none, numbers n: [UInt64]) {
    switch kind {
    case .map:
      self = .map(
        address: n[0], length: n[1], protection: n[2], flags: n[3], source: source, offset: n[4])
    case .unmap: self = .unmap(address: n[0], length: n[1])
    case .protect: self = .protect(address: n[0], length: n[1], protection: n[2])
    case .remap:
      self = .remap(
        address: n[0], length: n[1], newLength: n[2], flags: n[3], newAddress: n[4])
    case .advise: self = .advise(address: n[0], length: n[1], advice: n[2])
    case .lock: self = .lock(address: n[0], length: n[1], flags: n[2])
    case .unlock: self = .unlock(address: n[0], length: n[1])
    case .setBreak: self = .setBreak(address: n[0])
    case .fork: self = .fork
    case .touch: self = .touch(address: n[0])
    case .query: self = .query(address: n[0], flags: n[1])
    case .dump: self = .dump
    }
  }
}
