// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import ReadCopyUpdate
import Synchronization

/// Keys, or the operations of `mixed`, in a row.
typealias Keys = UnsafeBufferPointer<Int64>

/// A hash table that several threads use. Every value is 1.
protocol TableSide: AnyObject, Sendable {
  var name: String { get }
  /// What one look-up is, for the table of results.
  var meaning: String { get }
  /// Looks up each key; returns the sum of the values.
  func lookup(_ keys: Keys) -> Int
  func insert(_ keys: Keys)
  func replace(_ keys: Keys)
  func remove(_ keys: Keys)
  func mixed(_ operations: Keys) -> Int
  func walk() -> Int
  /// Waits until a table of `count` entries has grown.
  func settle(_ count: Int)
}

extension TableSide {
  func settle(_ count: Int) {}
}

/// What the operations of `mixed` are.
enum TableOperation {
  static let changes = Int64(1) << 62
  static let inserts = Int64(1) << 61
}

/// The library's.
final class RCUTable: TableSide {
  let name = "Swift, HashTable"
  let meaning = "lookup(_:in:) in a section of its own"
  private let table = RCU.HashTable<Int, Int>()

  @inline(never)
  func lookup(_ keys: Keys) -> Int {
    var sum = 0
    for key in keys {
      sum &+= RCU.withReadSection { table.lookup(Int(key), in: $0)?.value ?? 0 }
    }
    return sum
  }

  @inline(never)
  func insert(_ keys: Keys) {
    for key in keys { _ = table.insert(1, forKey: Int(key)) }
  }

  @inline(never)
  func replace(_ keys: Keys) {
    for key in keys { table.updateValue(1, forKey: Int(key)) }
  }

  @inline(never)
  func remove(_ keys: Keys) {
    for key in keys { table.removeValue(forKey: Int(key)) }
  }

  @inline(never)
  func mixed(_ operations: Keys) -> Int {
    var sum = 0
    for operation in operations {
      if operation & TableOperation.changes == 0 {
        sum &+= RCU.withReadSection { table.lookup(Int(operation), in: $0)?.value ?? 0 }
        continue
      }
      sum &+= 1
      let key = Int(operation & ~(TableOperation.changes | TableOperation.inserts))
      if operation & TableOperation.inserts != 0 {
        _ = table.insert(1, forKey: key)
      } else {
        table.removeValue(forKey: key)
      }
    }
    return sum
  }

  @inline(never)
  func walk() -> Int {
    var sum = 0
    RCU.withReadSection { section in table.forEach(in: section) { sum &+= $0.value } }
    return sum
  }
}

/// A dictionary under a lock.
final class MutexTable: TableSide {
  let name = "Swift, Mutex<Dictionary>"
  let meaning = "a look-up under the lock"
  private let table = Mutex<[Int: Int]>([:])

  @inline(never)
  func lookup(_ keys: Keys) -> Int {
    var sum = 0
    for key in keys { sum &+= table.withLock { $0[Int(key)] ?? 0 } }
    return sum
  }

  @inline(never)
  func insert(_ keys: Keys) {
    for key in keys { table.withLock { $0[Int(key)] = 1 } }
  }

  @inline(never)
  func replace(_ keys: Keys) {
    for key in keys { table.withLock { $0[Int(key)] = 1 } }
  }

  @inline(never)
  func remove(_ keys: Keys) {
    for key in keys { _ = table.withLock { $0.removeValue(forKey: Int(key)) } }
  }

  @inline(never)
  func mixed(_ operations: Keys) -> Int {
    var sum = 0
    for operation in operations {
      if operation & TableOperation.changes == 0 {
        sum &+= table.withLock { $0[Int(operation)] ?? 0 }
        continue
      }
      sum &+= 1
      let key = Int(operation & ~(TableOperation.changes | TableOperation.inserts))
      if operation & TableOperation.inserts != 0 {
        table.withLock { $0[key] = 1 }
      } else {
        _ = table.withLock { $0.removeValue(forKey: key) }
      }
    }
    return sum
  }

  @inline(never)
  func walk() -> Int {
    table.withLock { $0.values.reduce(0, &+) }
  }
}

/// A dictionary that is copied to change it, behind a pointer.
final class CopiedTable: TableSide {
  let name = "Swift, Pointer<Dictionary>"
  let meaning = "a look-up in the dictionary behind an RCU.Pointer"
  private let table = RCU.Pointer<[Int: Int]>([:])

  private func value(_ key: Int) -> Int {
    RCU.withReadSection { table.load(in: $0)!.value[key] ?? 0 }
  }

  @inline(never)
  func lookup(_ keys: Keys) -> Int {
    var sum = 0
    for key in keys { sum &+= value(Int(key)) }
    return sum
  }

  /// All at once: each change copies the dictionary.
  func insert(_ keys: Keys) {
    table.update { dictionary in
      for key in keys { dictionary[Int(key)] = 1 }
    }
  }

  func replace(_ keys: Keys) { insert(keys) }
  func remove(_ keys: Keys) {}
  func mixed(_ operations: Keys) -> Int { 0 }

  @inline(never)
  func walk() -> Int {
    RCU.withReadSection { table.load(in: $0)!.value.values.reduce(0, &+) }
  }
}

/// liburcu's, or another library's.
final class PeerTable: TableSide, @unchecked Sendable {
  // Sendable: the functions may be called on any thread.
  let name: String
  let meaning: String
  private let functions: baselines_table_peer
  private let table: UnsafeMutableRawPointer

  init(_ name: String, _ meaning: String, _ functions: baselines_table_peer) {
    (self.name, self.meaning, self.functions) = (name, meaning, functions)
    table = functions.make()
  }

  /// liburcu's, with Swift's hash function.
  static func lfht() -> PeerTable {
    let functions = baselines_lfht { UInt64(bitPattern: Int64(Int($0).hashValue)) }
    return PeerTable(
      "C, cds_lfht", "cds_lfht_lookup in a section of bp, inlined, hash by Swift",
      functions.pointee)
  }

  deinit { functions.destroy(table) }

  func lookup(_ keys: Keys) -> Int {
    Int(functions.lookup(table, keys.baseAddress!, keys.count))
  }

  func insert(_ keys: Keys) { functions.insert(table, keys.baseAddress!, keys.count) }
  func settle(_ count: Int) { functions.settle?(table, count) }
  func replace(_ keys: Keys) { functions.replace(table, keys.baseAddress!, keys.count) }
  func remove(_ keys: Keys) { functions.remove(table, keys.baseAddress!, keys.count) }

  func mixed(_ operations: Keys) -> Int {
    Int(functions.mixed(table, operations.baseAddress!, operations.count))
  }

  func walk() -> Int { Int(functions.walk(table)) }
}
