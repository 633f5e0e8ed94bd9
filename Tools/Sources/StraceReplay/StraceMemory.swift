// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import VirtualMemory

/// A thread of the trace.
struct StraceThread {
  /// The number of the process's first thread.
  var processID: Int32
  /// `nil` while its map is not known.
  var memory: StraceMemory?
  var descriptors = StraceDescriptors()
}

/// An address space, and what the replay keeps about it.
final class StraceMemory {
  let space: AddressSpace
  /// What `execve` was called with.
  let program: String
  /// Ranges that will have been written to by the next call.
  var unwritten: [Range<UInt64>]
  /// Calls that have begun and not ended, by index.
  var pending: [Int] = []
  /// How many events had been looked at when the last call ended; -1 before the first one.
  var lastEnd = -1

  init(_ space: AddressSpace, program: String, unwritten: [Range<UInt64>]) {
    self.space = space
    self.program = program
    self.unwritten = unwritten
  }

  /// A copy for a child.
  func fork() -> StraceMemory {
    StraceMemory(space.fork(), program: program, unwritten: unwritten)
  }

  /// Writes to all private writable memory in the ranges that wait for it.
  func writeEverywhere() {
    for range in unwritten {
      var position = range.lowerBound
      while position < range.upperBound,
        let found = try? space.query(position, matching: [.coveringOrNext, .writable]),
        found.start < range.upperBound
      {
        // A write behind the end of a file is none, but the first page lies before it.
        if !found.flags.contains(.shared) {
          try? space.simulateWrite(at: max(found.start, position))
        }
        position = found.end
      }
    }
    unwritten.removeAll()
  }

  /// A page fault: what it means for the map.
  func fault(_ address: UInt64) {
    if let found = try? space.query(address) {
      let isWrite = found.flags.contains(.writable) && !found.flags.contains(.shared)
      if !isWrite { return }
    } else if lastEnd < 0 {
      // In `execve`, the kernel reads the arguments where the program before has them.
      return
    }
    // Where nothing is mapped, what lies above may be a stack.
    try? space.simulateWrite(at: address)
  }
}

/// The open files of a process.
final class StraceDescriptors {
  private struct Entry {
    var path: [UInt8]
    var file: MappedFile
  }

  private var entries: [Int32: Entry] = [:]
  private var access: [Int32: MappedFile.Access] = [:]

  init() {}

  func copy() -> StraceDescriptors {
    let copy = StraceDescriptors()
    copy.entries = entries
    copy.access = access
    return copy
  }

  /// `descriptor` is a newly opened file, or none any more.
  func replace(_ descriptor: Int32, access: MappedFile.Access?) {
    entries[descriptor] = nil
    self.access[descriptor] = access
  }

  /// The file that a mapping is made of.
  func file(_ file: StraceFile, _ files: StraceFiles) -> MappedFile {
    if let entry = entries[file.descriptor], entry.path == file.path { return entry.file }
    let identity = files.identity(of: file)
    let mapped = MappedFile(
      path: file.path, device: identity.device, inode: identity.inode,
      access: access[file.descriptor] ?? .readWrite, isDeleted: file.isDeleted,
      usesHugePages: identity.usesHugePages)
    entries[file.descriptor] = Entry(path: file.path, file: mapped)
    return mapped
  }
}
