// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// A script of address-space operations that a real process and an `AddressSpace` can both run.
///
/// ```
/// window 0x100000 0x10000
/// mmap 0x100000 0x3000 rw private|anon|fixed - 0
/// mprotect 0x101000 0x1000 r      # splits into three
/// dump
/// ```
///
/// One operation per line; `#` starts a comment; numbers are decimal or `0x` and hexadecimal. Lines
/// in front of the first operation say under which circumstances the script runs.
public struct MapScript: Sendable {
  /// The range of addresses that dumps and queries are about. Nothing is mapped there at the start.
  public struct Window: Sendable, Hashable {
    /// The first address.
    public var base: UInt64
    /// In bytes; not 0, and `base + length` is a 64-bit number.
    public var length: UInt64

    public init(base: UInt64, length: UInt64) {
      guard length > 0 else { fatalError("MapScript.Window: a window is not empty") }
      guard length <= .max - base else {
        fatalError("MapScript.Window: the end is a 64-bit number")
      }
      self.base = base
      self.length = length
    }

    /// The address after the last one.
    public var end: UInt64 { base + length }

    /// Whether some of `start..<end` is in the window.
    public func intersects(_ start: UInt64, _ end: UInt64) -> Bool {
      start < self.end && end > base
    }
  }

  /// What the process may use; `nil` where the script doesn't say.
  public struct Limits: Sendable, Hashable {
    /// `RLIMIT_MEMLOCK` in bytes, for a process without the right to lock more.
    public var lockedMemory: UInt64?
    /// Bytes that may be mapped besides what is mapped at the start.
    public var addressSpace: UInt64?
    /// Bytes of private writable memory besides what there is at the start.
    public var data: UInt64?
    /// `RLIMIT_STACK` in bytes.
    public var stack: UInt64?
    /// VMAs that there may be besides those at the start.
    public var mapCount: UInt64?

    public init() {}
  }

  public var window: Window
  /// Whether the processor has protection keys: then memory that is only executable can't be
  /// populated.
  public var hasExecuteOnlyKeys: Bool
  /// Whether all addresses outside of the window are taken.
  public var isConfined: Bool
  /// Where the heap starts, in the window, with nothing in it; `nil` for none. Operations of
  /// ``ScriptOperation/setBreak(address:)`` need one.
  public var heapStart: UInt64?
  public var limits: Limits
  public var operations: [ScriptOperation] {
    didSet { parsedLineNumbers = nil }
  }
  /// The number, from 1, of each operation's line in the text that was parsed; without a text, or
  /// when the operations have been changed, in ``description``.
  public var lineNumbers: [Int] {
    parsedLineNumbers ?? operations.indices.map { headerLines.count + $0 + 1 }
  }

  var parsedLineNumbers: [Int]?

  public init(
    window: Window, hasExecuteOnlyKeys: Bool = false, isConfined: Bool = false,
    heapStart: UInt64? = nil, limits: Limits = Limits(), operations: [ScriptOperation] = []
  ) {
    self.window = window
    self.hasExecuteOnlyKeys = hasExecuteOnlyKeys
    self.isConfined = isConfined
    self.heapStart = heapStart
    self.limits = limits
    self.operations = operations
  }
}

extension MapScript: CustomStringConvertible {
  /// A script that parses to this.
  public var description: String {
    (headerLines + operations.map(\.description)).joined(separator: "\n") + "\n"
  }

  /// What a `machine` line says of a machine with protection keys.
  static var executeOnlyKeysWord: String { "execute-only-keys" }

  private var headerLines: [String] {
    var lines = ["window \(ScriptWords.hex(window.base)) \(ScriptWords.hex(window.length))"]
    if hasExecuteOnlyKeys { lines.append("machine \(Self.executeOnlyKeysWord)") }
    if isConfined { lines.append("confine") }
    if let heapStart { lines.append("heap \(ScriptWords.hex(heapStart))") }
    for limit in ScriptLimit.allCases {
      guard let value = limits[keyPath: limit.path] else { continue }
      lines.append("limit \(limit.rawValue) \(value)")
    }
    return lines
  }
}

/// The words of a `limit` line.
enum ScriptLimit: String, CaseIterable {
  case memlock, `as`, data, stack, maps

  var path: WritableKeyPath<MapScript.Limits, UInt64?> {
    switch self {
    case .memlock: \.lockedMemory
    case .as: \.addressSpace
    case .data: \.data
    case .stack: \.stack
    case .maps: \.mapCount
    }
  }
}

// The line numbers are no part of what the script says.
extension MapScript: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    left.window == right.window && left.hasExecuteOnlyKeys == right.hasExecuteOnlyKeys
      && left.isConfined == right.isConfined && left.heapStart == right.heapStart
      && left.limits == right.limits && left.operations == right.operations
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(window)
    hasher.combine(hasExecuteOnlyKeys)
    hasher.combine(isConfined)
    hasher.combine(heapStart)
    hasher.combine(limits)
    hasher.combine(operations)
  }
}
