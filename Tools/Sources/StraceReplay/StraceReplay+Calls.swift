// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ErrnoNames
internal import SystemPackage
internal import VirtualMemory

/// Calls that change an address space.
extension StraceReplay {
  /// Makes the call with this index, whose result the trace has come to.
  func perform(_ index: Int, _ thread: StraceThread) -> StraceStep? {
    let call = trace.calls[index]
    // What doesn't return, or is to be made again, has done nothing.
    guard call.result != .none else {
      thread.memory?.pending.removeAll { $0 == index }
      return nil
    }
    let outcome = outcome(index, thread)
    thread.memory?.pending.removeAll { $0 == index }
    thread.memory?.lastEnd = position
    statistics.count(outcome)
    if let last = comparisons.lastIndex(where: { $0.processID == thread.processID }) {
      comparisons[last].lateCallCount += 1
    }
    return StraceStep(call: call, outcome: outcome, space: thread.memory?.space)
  }

  private func outcome(_ index: Int, _ thread: StraceThread) -> StraceStep.Outcome {
    guard let memory = thread.memory else { return .unknownMap }
    if let outcome = early.removeValue(forKey: index) { return outcome }
    let call = trace.calls[index]
    if case .unsupported = call.operation {
      // One that failed has changed nothing.
      if case .error = call.result { return .agrees }
      return .unsupported
    }
    // Names of memory are an option of the kernel's.
    if case .setName = call.operation, call.result == .error("EINVAL") { return .agrees }

    makeRoom(for: index, memory)
    var result = attempt(index, thread, memory)
    if result != call.result {
      result = attemptAfterOthers(index, thread, memory, first: result)
    }
    let outcome: StraceStep.Outcome
    if result == call.result {
      outcome = .agrees
    } else {
      follow(call, insteadOf: result, thread, memory)
      outcome = isOverlapping(index, memory) ? .ambiguous(result) : .disagrees(result)
    }
    if writesEverywhere, let range = call.writableRange { memory.unwritten.append(range) }
    return outcome
  }

  /// Whether other threads made calls while this one was being made.
  private func isOverlapping(_ index: Int, _ memory: StraceMemory) -> Bool {
    memory.pending.contains { $0 != index }
      || memory.lastEnd > beginnings[index] ?? position
  }

  /// Tries a mapping that comes to lie elsewhere again, after calls that other threads had begun
  /// and whose results stand further down: the kernel may have made them first.
  private func attemptAfterOthers(
    _ index: Int, _ thread: StraceThread, _ memory: StraceMemory, first: StraceResult
  ) -> StraceResult {
    let call = trace.calls[index]
    guard case .map = call.operation, let range = call.placedRange else { return first }
    takeAway(call, first, memory)
    // What came to lie in the same place came later, even if it would fit now.
    let others = memory.pending.filter { other in
      other != index && trace.calls[other].placedRange?.overlaps(range) != true
    }
    // One may agree only after another that comes later.
    var isChanged: Bool
    repeat {
      isChanged = false
      for other in others where tryEarly(other, memory) {
        isChanged = true
        let result = attempt(index, thread, memory)
        if result == call.result { return result }
        takeAway(call, result, memory)
      }
    } while isChanged
    return attempt(index, thread, memory)
  }

  /// Sets right what other threads have done to the place that the kernel found free for this call.
  /// Of what has begun and not ended, it must have made those calls first that took away what lay
  /// there, and those not yet that put something there.
  private func makeRoom(for index: Int, _ memory: StraceMemory) {
    guard let range = trace.calls[index].placedRange else { return }
    for other in memory.pending where other != index {
      let call = trace.calls[other]
      if early[other] == nil {
        if call.vacatedRange?.overlaps(range) == true { makeEarly(other, memory) }
      } else if call.placedRange?.overlaps(range) == true, case .map = call.operation {
        takeAway(call, call.result, memory)
        early[other] = nil
      }
    }
  }

  /// Makes a call before the line of its result.
  private func makeEarly(_ index: Int, _ memory: StraceMemory) {
    let call = trace.calls[index]
    guard let thread = threads[call.threadID] else { return }
    early[index] = .agrees
    makeRoom(for: index, memory)
    let result = attempt(index, thread, memory)
    if result != call.result {
      follow(call, insteadOf: result, thread, memory)
      early[index] = .ambiguous(result)
    }
  }

  /// Makes a call before the line of its result, if it returns what it does there.
  ///
  /// - Returns: whether it has been made.
  private func tryEarly(_ index: Int, _ memory: StraceMemory) -> Bool {
    let call = trace.calls[index]
    guard early[index] == nil, call.result != .none, let thread = threads[call.threadID] else {
      return false
    }
    // Of a mapping it is seen whether it fits; other calls leave no way back.
    guard case .map = call.operation, call.placedRange != nil else {
      makeEarly(index, memory)
      return true
    }
    let result = attempt(index, thread, memory)
    guard result == call.result else {
      takeAway(call, result, memory)
      return false
    }
    early[index] = .agrees
    return true
  }

  /// Undoes a mapping that came to lie where nothing lay.
  private func takeAway(_ call: StraceCall, _ result: StraceResult, _ memory: StraceMemory) {
    guard case .map(_, let length, _, _, _, _) = call.operation, case .value(let address) = result
    else { return }
    try? memory.space.systemCalls.munmap(address, length: length)
  }

  // MARK: Making a call

  private func attempt(
    _ index: Int, _ thread: StraceThread, _ memory: StraceMemory
  ) -> StraceResult {
    if writesEverywhere { memory.writeEverywhere() }
    do {
      return .value(try value(of: trace.calls[index].operation, thread, memory.space))
    } catch {
      return .error(error.name)
    }
  }

  private func value(
    of operation: StraceOperation, _ thread: StraceThread, _ space: AddressSpace
  ) throws(Errno) -> UInt64 {
    switch operation {
    case .map(let address, let length, let protection, let flags, let file, let offset):
      return try space.systemCalls.mmap(
        at: address, length: length, protection: Protection(rawValue: protection),
        flags: MmapFlags(rawValue: flags), backing: try backing(flags, file, offset, thread))
    case .unmap(let address, let length):
      try space.systemCalls.munmap(address, length: length)
    case .protect(let address, let length, let protection):
      try space.systemCalls.mprotect(address, length: length, Protection(rawValue: protection))
    case .remap(let address, let length, let newLength, let flags, let newAddress):
      return try space.systemCalls.mremap(
        address, length: length, newLength: newLength, flags: RemapFlags(rawValue: flags),
        newAddress: newAddress)
    case .advise(let address, let length, let advice):
      try space.systemCalls.madvise(address, length: length, Advice(rawValue: advice))
    case .lock(let address, let length, let onFault):
      try space.systemCalls.mlock(address, length: length, onFault: onFault)
    case .unlock(let address, let length):
      try space.systemCalls.munlock(address, length: length)
    case .setBreak(let address):
      return space.setBreak(address)
    case .setName(let address, let length, let name):
      try space.systemCalls.setName(address, length: length, name)
    case .start, .execute, .exitProcess, .open, .close, .unsupported:
      break
    }
    return 0
  }

  private func backing(
    _ flags: UInt64, _ file: StraceFile?, _ offset: UInt64, _ thread: StraceThread
  ) throws(Errno) -> Backing {
    // The system call looks at it before it comes to the address space.
    guard offset % AddressSpace.pageSize == 0 else { throw .invalidArgument }
    if flags & MmapFlags.anonymous.rawValue != 0 { return .anonymous }
    guard let file else { throw .badFileDescriptor }
    return .file(thread.descriptors.file(file, files), offset: offset)
  }

  // MARK: Following the kernel

  /// After a call with another result than the kernel's: makes the map as the kernel has it, as
  /// far as the result tells.
  private func follow(
    _ call: StraceCall, insteadOf result: StraceResult, _ thread: StraceThread,
    _ memory: StraceMemory
  ) {
    let space = memory.space
    switch call.operation {
    case .map(_, let length, let protection, let flags, let file, let offset):
      let flags = MmapFlags(rawValue: flags)
      if case .value(let address) = result,
        flags.isDisjoint(with: [.fixed, .fixedNoReplace])
      {
        try? space.systemCalls.munmap(address, length: length)
      }
      guard case .value(let address) = call.result,
        let backing = try? backing(flags.rawValue, file, offset, thread)
      else { return }
      _ = try? space.systemCalls.mmap(
        at: address, length: length, protection: Protection(rawValue: protection),
        flags: flags.union(.fixed), backing: backing)
    case .remap(let address, let length, let newLength, _, _):
      guard case .value(let target) = call.result else { return }
      if case .value(let moved) = result {
        _ = try? space.systemCalls.mremap(
          moved, length: newLength, newLength: newLength, flags: [.mayMove, .fixed],
          newAddress: target)
      } else {
        _ = try? space.systemCalls.mremap(
          address, length: length, newLength: newLength, flags: [.mayMove, .fixed],
          newAddress: target)
      }
    case .setBreak:
      if case .value(let address) = call.result { space.setBreak(address) }
    default:
      break
    }
  }
}

extension StraceCall {
  /// Where the kernel has put something, of its own choice: nothing lay there.
  fileprivate var placedRange: Range<UInt64>? {
    guard case .value(let value) = result else { return nil }
    switch operation {
    case .map(_, let length, _, let flags, _, _):
      let flags = MmapFlags(rawValue: flags)
      return flags.contains(.fixed) ? nil : Self.range(value, length)
    case .remap(_, _, let newLength, let flags, _):
      let flags = RemapFlags(rawValue: flags)
      return flags.contains(.fixed) ? nil : Self.range(value, newLength)
    default:
      return nil
    }
  }

  /// What has become free by the call.
  fileprivate var vacatedRange: Range<UInt64>? {
    guard case .value(let value) = result else { return nil }
    switch operation {
    case .unmap(let address, let length):
      return Self.range(address, length)
    case .remap(let address, let length, let newLength, let flags, _):
      if RemapFlags(rawValue: flags).contains(.dontUnmap) { return nil }
      let range = Self.range(address, length)
      guard value == address, let range, let kept = Self.range(address, newLength) else {
        return range
      }
      return kept.upperBound < range.upperBound ? kept.upperBound..<range.upperBound : nil
    default:
      return nil
    }
  }

  /// What may have become private writable memory by the call.
  fileprivate var writableRange: Range<UInt64>? {
    guard case .value(let value) = result else { return nil }
    switch operation {
    case .map(_, let length, let protection, let flags, _, _):
      let isWritable = Protection(rawValue: protection).contains(.write)
      guard isWritable, flags & MmapFlags.shared.rawValue == 0 else { return nil }
      return Self.range(value, length)
    case .protect(let address, let length, let protection):
      guard Protection(rawValue: protection).contains(.write) else { return nil }
      return Self.range(address, length)
    case .remap(_, _, let newLength, _, _):
      return Self.range(value, newLength)
    case .setBreak:
      // All of the heap: where it was touched already, nothing changes.
      return value > AddressSpace.pageSize ? value - AddressSpace.pageSize..<value : nil
    default:
      return nil
    }
  }

  private static func range(_ start: UInt64, _ length: UInt64) -> Range<UInt64>? {
    let (end, wraps) = start.addingReportingOverflow(length)
    return wraps ? nil : start..<end
  }
}
