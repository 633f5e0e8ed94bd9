// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MachineCode

/// A function that is checked, with all that it calls in the program.
struct ReadPath {
  /// As the output names it.
  var label: String
  /// A part of the demangled name.
  var function: String
}

/// What is checked, in the order of the output. To add something, write a function that uses it
/// into `Benchmarks/Sources/disassembly-probes`, call that from its `main`, and add a line here.
let readPaths = [
  ReadPath(label: "read section and load", function: "probeReadSection("),
  ReadPath(label: "SleepableRCU section and load", function: "probeSleepableSection("),
  ReadPath(label: "HashTable.lookup", function: "probeHashTableLookup("),
  ReadPath(label: "HashTable.forEach", function: "probeHashTableWalk("),
  ReadPath(label: "List.forEach", function: "probeListWalk("),
  ReadPath(label: "List.first", function: "probeListSearch("),
  ReadPath(label: "LockFreeStack.top", function: "probeStackTop("),
  ReadPath(label: "SequenceLock.load", function: "probeSequenceLock("),
  ReadPath(
    label: "AddressSpace.lookup", function: "VirtualMemory.AddressSpace.lookup(Swift.UInt64)"),
  ReadPath(label: "AddressSpace.query", function: "VirtualMemory.AddressSpace.query("),
  ReadPath(
    label: "ProcessMirror.lookup", function: "ProcessMaps.ProcessMirror.lookup(Swift.UInt64)"),
  ReadPath(
    label: "MapsService.lookup",
    function: "ProcessMaps.MapsService.lookup(_: Swift.UInt64, in: Swift.Int32)"),
  ReadPath(label: "snapshot dump", function: "VirtualMemory.AddressSpace.(formatSnapshot in "),
]

/// What none of them may call.
let rules = CallRules(
  forbiddenPrefixes: [
    // References are counted.
    "swift_retain", "swift_release", "swift_bridgeObject", "swift_unknownObject", "swift_unowned",
    "swift_weak", "swift_isUniquely", "swift_errorRetain", "swift_errorRelease",
    // Memory is allocated or freed.
    "swift_alloc", "swift_dealloc", "swift_slowAlloc", "swift_slowDealloc",
    // Exclusive access is checked.
    "swift_beginAccess",
    // Something is initialised when it is first used.
    "swift_once", "swift_getGenericMetadata", "swift_getTypeByMangledName",
  ],
  forbiddenNames: [
    "malloc", "calloc", "realloc", "reallocarray", "free", "posix_memalign", "aligned_alloc",
    "memalign",
  ],
  endingParts: ["-> Swift.Never", "rcushims_fail"])

/// A function that breaks the rules. If it passes, the check sees nothing.
struct Control {
  /// A part of the demangled name.
  var function: String
  /// The beginning of what it calls, or of the instruction that can't be followed.
  var finding: String
}

/// A control for each kind of rule; the functions are in `disassembly-probes` too.
let controls = [
  Control(function: "probeControl(", finding: "swift_re"),
  Control(function: "probeNestedControl(", finding: "swift_re"),
  Control(function: "probeAllocationControl(", finding: "swift_allocObject"),
  Control(function: "probeMallocControl(", finding: "malloc"),
  Control(function: "probeAccessControl(", finding: "swift_beginAccess"),
  Control(function: "probeLazyControl(", finding: "swift_once"),
  Control(function: "probeClosureControl(", finding: "*%r"),
]
