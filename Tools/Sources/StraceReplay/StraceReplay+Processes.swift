// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ProcessMaps
internal import VirtualMemory

/// Which thread has which address space.
extension StraceReplay {
  /// The call with this index begins; another line has its result.
  func begin(_ index: Int) -> StraceStep? {
    let call = trace.calls[index]
    let thread = thread(of: call.threadID, before: index)
    deliverFaults(before: call, at: index)
    beginnings[index] = position
    if case .exitProcess = call.operation { return endProcess(index, thread) }
    if case .execute = call.operation { heldFaults[call.threadID] = [] }
    if call.operation.isOfMemory { thread.memory?.pending.append(index) }
    return nil
  }

  /// The call with this index has its result.
  func end(_ index: Int) throws(StraceError) -> StraceStep? {
    let call = trace.calls[index]
    var thread = thread(of: call.threadID, before: index)
    deliverFaults(before: call, at: index)
    switch call.operation {
    case .exitProcess:
      return endProcess(index, thread)
    case .start:
      guard case .value(let child) = call.result else { return nil }
      start(Int32(truncatingIfNeeded: child), by: index)
      return StraceStep(call: call, outcome: .notCompared, space: thread.memory?.space)
    case .execute(let path):
      if call.result == .value(0) {
        thread.memory = try loadMap(of: call, at: index, program: path)
        thread.descriptors = StraceDescriptors()
        thread.processID = call.threadID
        threads[call.threadID] = thread
      }
      for fault in heldFaults.removeValue(forKey: call.threadID) ?? [] {
        thread.memory?.fault(fault.address)
      }
      guard call.result == .value(0) else { return nil }
      return StraceStep(call: call, outcome: .notCompared, space: thread.memory?.space)
    case .open(let access):
      if case .value(let descriptor) = call.result {
        thread.descriptors.replace(Int32(truncatingIfNeeded: descriptor), access: access)
      }
      return nil
    case .close(let descriptor):
      thread.descriptors.replace(descriptor, access: nil)
      return nil
    default:
      return perform(index, thread)
    }
  }

  /// The thread with this number, which the trace may show before the call that started it returns.
  private func thread(of threadID: Int32, before index: Int) -> StraceThread {
    if let thread = threads[threadID] { return thread }
    if let call = trace.start(of: threadID, before: index) { start(threadID, by: call) }
    if let thread = threads[threadID] { return thread }
    let thread = StraceThread(processID: threadID)
    threads[threadID] = thread
    return thread
  }

  private func start(_ threadID: Int32, by index: Int) {
    let call = trace.calls[index]
    guard case .start(let shared) = call.operation, startedThreads.insert(index).inserted else {
      return
    }
    let parent = thread(of: call.threadID, before: index)
    var child = StraceThread(processID: shared.isThread ? parent.processID : threadID)
    if shared.sharesMemory {
      child.memory = parent.memory
    } else {
      if writesEverywhere { parent.memory?.writeEverywhere() }
      child.memory = parent.memory?.fork()
    }
    child.descriptors = shared.sharesFiles ? parent.descriptors : parent.descriptors.copy()
    threads[threadID] = child
  }

  /// The faults that happened before `call` began.
  private func deliverFaults(before call: StraceCall, at index: Int) {
    guard let time = call.time else { return }
    while let fault = faults?.last, fault.time < time + StraceCall.timeUnit {
      faults?.removeLast()
      if heldFaults[fault.threadID] != nil {
        heldFaults[fault.threadID]?.append(fault)
      } else {
        thread(of: fault.threadID, before: index).memory?.fault(fault.address)
      }
    }
  }

  // MARK: Maps

  /// The map that belongs to an `execve` or an `exit_group`.
  private func takeMap(for call: StraceCall, _ moment: StraceMap.Moment) -> StraceMap? {
    // It is read after the one, and in the other.
    let callLine = moment == .start ? call.endLine : call.startLine
    let found = maps.firstIndex { map in
      guard map.threadID == call.threadID, map.moment == moment else { return false }
      guard let line = map.line else { return true }
      // Not that of the next program in this process.
      return callLine <= line
        && !trace.calls.contains { other in
          other.threadID == call.threadID && other.isNewProgram
            && callLine < other.endLine && other.endLine <= line
        }
    }
    return found.map { maps.remove(at: $0) }
  }

  /// The memory of a program that starts by the call with this index, or has been running when the
  /// trace starts.
  func loadMap(
    of call: StraceCall, at index: Int, program: String
  ) throws(StraceError) -> StraceMemory? {
    guard let map = takeMap(for: call, .start) else { return nil }
    var configuration = AddressSpaceConfiguration()
    configuration.mayMapLowAddresses = true
    configuration.hasProtectionKeys = hasProtectionKeys
    let space: AddressSpace
    do {
      space = try AddressSpace(
        procMaps: map.text, programBreak: firstBreak(of: call.threadID, after: index),
        configuration: configuration)
    } catch {
      throw StraceError(
        line: max(call.endLine, 1), value: program, rule: .map(String(describing: error)))
    }
    var limits = ResourceLimits()
    // The stack is let grow as far as the kernel has let it.
    limits.stack = .max
    space.limits = limits
    // The kernel has written the arguments.
    if let stack = Self.stack(in: map.text) { try? space.simulateWrite(at: stack.upperBound - 1) }
    return StraceMemory(space, program: program, unwritten: [0..<configuration.taskSize])
  }

  /// What the first `brk` of a program returns is the start of its heap, if it only asks.
  private func firstBreak(of threadID: Int32, after index: Int) -> UInt64? {
    for call in trace.calls.dropFirst(index + 1) where call.threadID == threadID {
      switch (call.operation, call.result) {
      case (.setBreak(0), .value(let address)): return address
      case (.setBreak, _), (.execute, .value(0)): return nil
      default: continue
      }
    }
    return nil
  }

  /// The end of a process: its map is compared.
  private func endProcess(_ index: Int, _ thread: StraceThread) -> StraceStep? {
    guard reportedEnds.insert(index).inserted else { return nil }
    let call = trace.calls[index]
    if let memory = thread.memory, let map = takeMap(for: call, .end) {
      if faults == nil, let stack = Self.stack(in: map.text) {
        // Nothing happens if it starts lower already: the texts will differ then.
        try? memory.space.simulateWrite(at: stack.lowerBound)
      }
      comparisons.append(
        StraceComparison(
          processID: thread.processID, program: memory.program,
          kernelText: StraceComparison.normalized(map.text),
          modelText: StraceComparison.normalized(memory.space.mapsText().array)))
    }
    return StraceStep(call: call, outcome: .notCompared, space: thread.memory?.space)
  }

  /// The range of the stack in the text of a map.
  private static func stack(in text: [UInt8]) -> Range<UInt64>? {
    let lines = (try? ProcMapsParser.parse(text)) ?? []
    let name = "[stack]".utf8
    return lines.first { text[$0.nameRange].elementsEqual(name) }.map { $0.start..<$0.end }
  }
}

extension StraceCall {
  /// Whether it is an `execve` that succeeded.
  var isNewProgram: Bool {
    if case .execute = operation { result == .value(0) } else { false }
  }
}

extension StraceOperation {
  /// Whether it is one of an address space.
  var isOfMemory: Bool {
    switch self {
    case .map, .unmap, .protect, .remap, .advise, .lock, .unlock, .setBreak, .setName, .unsupported:
      true
    case .start, .execute, .exitProcess, .open, .close: false
    }
  }
}
