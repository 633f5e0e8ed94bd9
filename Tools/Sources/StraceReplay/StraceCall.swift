// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory

/// A system call of a trace: one that changes an address space, or tells to whom one belongs.
public struct StraceCall: Sendable {
  /// The thread that made it, by the number that strace gives: 0 in a trace of one thread without
  /// numbers.
  public var threadID: Int32
  /// The line where it starts, from 1.
  public var startLine: Int
  /// The line where its result stands: the same one, unless other threads had their say meanwhile.
  public var endLine: Int
  /// When it started: nanoseconds since 1970, in whole microseconds; `nil` if the trace doesn't
  /// tell, as with `strace -ttt`.
  public var time: UInt64?
  /// The call and its result, as strace writes it on one line.
  public var text: String
  /// What it asks for.
  public var operation: StraceOperation
  /// What the kernel answered.
  public var result: StraceResult

  /// Nanoseconds of the unit that times are given in.
  static var timeUnit: UInt64 { 1000 }
}

/// What a system call asks for, as far as address spaces are concerned.
public enum StraceOperation: Sendable {
  /// `mmap`; `file` is what the descriptor stood for, `nil` without one.
  case map(
    address: UInt64, length: UInt64, protection: UInt32, flags: UInt64, file: StraceFile?,
    offset: UInt64)
  /// `munmap`.
  case unmap(address: UInt64, length: UInt64)
  /// `mprotect`; `pkey_mprotect` without a key.
  case protect(address: UInt64, length: UInt64, protection: UInt32)
  /// `mremap`.
  case remap(
    address: UInt64, length: UInt64, newLength: UInt64, flags: UInt64, newAddress: UInt64)
  /// `madvise`.
  case advise(address: UInt64, length: UInt64, advice: Int32)
  /// `mlock`, `mlock2`.
  case lock(address: UInt64, length: UInt64, onFault: Bool)
  /// `munlock`.
  case unlock(address: UInt64, length: UInt64)
  /// `brk`; 0 asks for the break.
  case setBreak(address: UInt64)
  /// `prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, …)`; `nil` takes the name away.
  case setName(address: UInt64, length: UInt64, name: [UInt8]?)
  /// `fork`, `vfork`, `clone`, `clone3`.
  case start(StraceStart)
  /// `execve`, `execveat`.
  case execute(path: String)
  /// `exit_group`.
  case exitProcess
  /// `open` and its like: the descriptor that is the result is a new file.
  case open(access: MappedFile.Access)
  /// `close`.
  case close(descriptor: Int32)
  /// A change that an `AddressSpace` doesn't know, as of huge pages by reservation.
  case unsupported
}

/// What a new thread has in common with the one that starts it.
public struct StraceStart: Sendable, Hashable {
  /// The address space: `CLONE_VM`.
  public var sharesMemory: Bool
  /// The descriptors: `CLONE_FILES`.
  public var sharesFiles: Bool
  /// It is of the same process: `CLONE_THREAD`.
  public var isThread: Bool

  public init(sharesMemory: Bool, sharesFiles: Bool, isThread: Bool) {
    self.sharesMemory = sharesMemory
    self.sharesFiles = sharesFiles
    self.isThread = isThread
  }
}

/// A descriptor with the path that it stood for.
public struct StraceFile: Sendable, Hashable {
  public var descriptor: Int32
  /// In bytes that need not be UTF-8.
  public var path: [UInt8]
  public var isDeleted: Bool

  public init(descriptor: Int32, path: [UInt8], isDeleted: Bool) {
    self.descriptor = descriptor
    self.path = path
    self.isDeleted = isDeleted
  }
}

/// What a system call returned.
public enum StraceResult: Sendable, Hashable, CustomStringConvertible {
  case value(UInt64)
  /// The error's name, as `ENOMEM`.
  case error(String)
  /// `?`: it didn't return, or will be made again.
  case none

  public var description: String {
    switch self {
    case .value(let value): value < 10 ? String(value) : "0x" + String(value, radix: 16)
    case .error(let name): name
    case .none: "?"
    }
  }
}
