// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import VirtualMemory

/// What a mapping is for, as far as its line of the text tells.
enum MappingKind: String, CaseIterable, Codable, CodingKeyRepresentable, Sendable {
  /// Executable, and not writable.
  case code
  /// Private and writable, of a file: initialised variables.
  case data
  /// What `brk` manages.
  case heap
  /// The main thread's stack. Those of other threads are anonymous memory.
  case stack
  /// Private memory without a file.
  case anonymous
  /// Private and readable, of a file.
  case file
  /// Shared with other processes and not executable, of a file or not.
  case shared
  /// Without any access: guard pages, and addresses that are kept for later.
  case reserved
  /// What the kernel puts into every process, such as `[vdso]`.
  case kernel
  /// Writable and executable at the same time: what an attacker looks for.
  case writableExecutable

  init(_ vma: VMA) {
    self = Self.kind(of: vma)
  }

  private static func kind(of vma: VMA) -> MappingKind {
    let access = vma.protection
    if access.isSuperset(of: [.write, .execute]) { return .writableExecutable }
    switch vma.nameString {
    case "[heap]": return .heap
    case "[stack]": return .stack
    case let name where name.hasPrefix("[") && !name.hasPrefix("[anon"): return .kernel
    default: break
    }
    if access.isDisjoint(with: [.read, .write, .execute]) { return .reserved }
    if access.contains(.execute) { return .code }
    if vma.isShared { return .shared }
    guard vma.isOfFile else { return .anonymous }
    return access.contains(.write) ? .data : .file
  }

  /// For a reader.
  var title: String { self == .writableExecutable ? "writable and executable" : rawValue }

  /// Stands for the kind where there are no colours.
  var letter: Character {
    switch self {
    case .code: "C"
    case .data: "D"
    case .heap: "H"
    case .stack: "S"
    case .anonymous: "A"
    case .file: "F"
    case .shared: "M"
    case .reserved: "R"
    case .kernel: "K"
    case .writableExecutable: "!"
    }
  }

  /// The position in `allCases`.
  var index: Int { Self.allCases.firstIndex(of: self)! }
}

extension VMA {
  /// Whether it shows a file, and not memory only.
  var isOfFile: Bool {
    inode != 0 || device != DeviceNumber(major: 0, minor: 0) || name.first == UInt8(ascii: "/")
  }

  var byteCount: UInt64 { end - start }
}
