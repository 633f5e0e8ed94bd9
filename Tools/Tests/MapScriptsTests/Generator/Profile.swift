// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MapScripts

/// What a script is mostly about.
enum Profile: String, CaseIterable {
  /// A little of everything.
  case mixed
  /// Anonymous memory, touched and untouched, moved around.
  case moves
  /// Files and shared memory, duplicated and moved.
  case files
  /// Mappings that grow down, and what is around them.
  case stacks
  /// Locks, and what may be locked.
  case locks
  /// Locks and population of memory that is only executable.
  case keys
  /// Advices.
  case advices
  /// Limits, at their edges.
  case limits
  /// Arguments that are wrong.
  case errors
  /// The kernel's own choice of addresses, in a window of many MiB.
  case placement
  /// More VMAs than fit into a node of the model's tree, and operations on many of them.
  case crowded
  /// Forks, and memory that parent and child have in common.
  case forks
  /// The break, and what is in its way.
  case heap

  /// How often a profile is chosen, in parts of the sum. Those with 0 are asked for by name: the
  /// seeds of recorded scripts go on giving these scripts.
  var weight: Int {
    switch self {
    case .mixed: 22
    case .moves: 18
    case .files: 12
    case .stacks: 12
    case .locks: 9
    case .keys: 5
    case .advices: 6
    case .limits: 9
    case .errors: 6
    case .placement: 6
    case .crowded: 4
    case .forks, .heap: 0
    }
  }

  /// What operations it is made of.
  var weights: [(ScriptOperationKind, Int)] {
    switch self {
    case .mixed, .limits, .errors, .crowded:
      [
        (.map, 26), (.unmap, 10), (.protect, 12), (.remap, 16), (.advise, 9), (.lock, 5),
        (.unlock, 4), (.touch, 14), (.query, 4),
      ]
    case .moves:
      [
        (.map, 18), (.unmap, 8), (.protect, 10), (.remap, 34), (.advise, 3), (.lock, 2),
        (.unlock, 1), (.touch, 22), (.query, 2),
      ]
    case .files:
      [
        (.map, 30), (.unmap, 10), (.protect, 12), (.remap, 28), (.advise, 4), (.lock, 3),
        (.unlock, 2), (.touch, 9), (.query, 2),
      ]
    case .stacks:
      [
        (.map, 26), (.unmap, 8), (.protect, 10), (.remap, 10), (.advise, 3), (.lock, 3),
        (.unlock, 2), (.touch, 36), (.query, 2),
      ]
    case .locks, .keys:
      [
        (.map, 22), (.unmap, 7), (.protect, 12), (.remap, 18), (.advise, 2), (.lock, 20),
        (.unlock, 10), (.touch, 7), (.query, 2),
      ]
    case .advices:
      [
        (.map, 20), (.unmap, 6), (.protect, 6), (.remap, 8), (.advise, 50), (.lock, 2),
        (.unlock, 1), (.touch, 5), (.query, 2),
      ]
    case .placement:
      [
        (.map, 50), (.unmap, 20), (.protect, 5), (.remap, 15), (.advise, 2), (.lock, 1),
        (.unlock, 1), (.touch, 4), (.query, 2),
      ]
    case .forks:
      [
        (.map, 24), (.unmap, 8), (.protect, 14), (.remap, 8), (.advise, 11), (.lock, 4),
        (.unlock, 4), (.fork, 10), (.touch, 15), (.query, 2),
      ]
    case .heap:
      [
        (.map, 16), (.unmap, 9), (.protect, 6), (.remap, 3), (.advise, 5), (.lock, 3),
        (.unlock, 1), (.setBreak, 44), (.fork, 2), (.touch, 9), (.query, 2),
      ]
    }
  }

  /// How many of a hundred mappings are private anonymous memory.
  var anonymousPercent: UInt64 {
    switch self {
    case .moves: 88
    case .files: 15
    case .stacks, .forks, .heap: 80
    default: 58
    }
  }

  /// How many of a hundred mappings say where.
  var fixedPercent: UInt64 { self == .placement ? 25 : 80 }

  /// How many of a hundred arguments are odd: unaligned, zero, huge, unknown.
  var oddPercent: UInt64 { self == .errors ? 25 : 3 }

  /// How many of a hundred steps are a scene of several operations.
  var scenePercent: UInt64 {
    switch self {
    case .moves, .stacks, .forks: 12
    case .errors, .advices, .placement, .crowded: 3
    default: 8
    }
  }
}
