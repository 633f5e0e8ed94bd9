// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation

/// Another library for the same purpose, loaded if Peers/build.sh could build it.
struct Peer<Functions>: @unchecked Sendable {
  // Sendable: the functions are called on any thread, and nothing here changes.
  let name: String
  let functions: Functions
}

extension Peer<baselines_peer> {
  var reader: Reader {
    let functions = functions
    return Reader(
      within: { body in
        let record = functions.enter_thread()
        body(record)
        functions.leave_thread(record)
      },
      read: { record, count in Int(functions.read(record.unsafelyUnwrapped, count)) })
  }
}

/// The peers that were asked for, and what the report says of each.
struct Peers {
  /// Epoch-based reclamation.
  private(set) var epochs: [Peer<baselines_peer>] = []
  /// Sequence locks.
  private(set) var sequences: [Peer<baselines_sequence_peer>] = []
  /// Ordered maps under a lock.
  private(set) var maps: [Peer<baselines_map_peer>] = []
  /// Hash tables for many threads.
  private(set) var tables: [Peer<baselines_table_peer>] = []
  private(set) var descriptions: [String] = []
  /// The names of those that are left out.
  private(set) var missing: [String] = []

  private let directory: String?

  /// Loads what `directory` has of the known peers.
  init(directory: String?) {
    self.directory = directory
    epochs = [
      load("C, ck epoch", "libpeer-concurrencykit.so", PEER_SYMBOL, \.version),
      load("Rust, crossbeam-epoch", "libpeer-crossbeam-epoch.so", PEER_SYMBOL, \.version),
    ].compactMap { $0 }
    sequences = [
      load("C, ck sequence", "libpeer-concurrencykit.so", SEQUENCE_PEER_SYMBOL, \.version)
    ].compactMap { $0 }
    maps = [
      load("C++, std::map", "libpeer-std-map.so", MAP_PEER_SYMBOL, \.version),
      load("C++, absl::btree_map", "libpeer-absl-btree.so", MAP_PEER_SYMBOL, \.version),
    ].compactMap { $0 }
    tables = [
      load("C++, absl::flat_hash_map", "libpeer-absl-flat.so", TABLE_PEER_SYMBOL, \.version),
      load("C++, absl::node_hash_map", "libpeer-absl-node.so", TABLE_PEER_SYMBOL, \.version),
      load("C++, oneTBB", "libpeer-tbb.so", TABLE_PEER_SYMBOL, \.version),
    ].compactMap { $0 }
  }

  /// The peer with that name in the table, if its file is there.
  private mutating func load<Functions>(
    _ name: String, _ file: String, _ symbol: String,
    _ version: (Functions) -> @convention(c) () -> UnsafePointer<CChar>
  ) -> Peer<Functions>? {
    let path = directory.map { "\($0)/\(file)" }
    guard let path, FileManager.default.fileExists(atPath: path) else {
      descriptions.append("\(name): not built, left out (see Benchmarks/README.md)")
      missing.append(name)
      return nil
    }
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL), let found = dlsym(library, symbol)
    else {
      fail("cannot load \(path): \(dlerror().map { String(cString: $0) } ?? "unknown")", code: 66)
    }
    let functions = found.assumingMemoryBound(to: Functions.self).pointee
    descriptions.append("\(name): \(String(cString: version(functions)()))")
    return Peer(name: name, functions: functions)
  }
}
