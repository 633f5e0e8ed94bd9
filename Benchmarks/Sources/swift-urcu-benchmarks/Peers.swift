// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CBaselines
import Foundation

/// Another library for the same purpose, loaded if Peers/build.sh could build it.
struct Peer: @unchecked Sendable {
  // Sendable: the functions are called on any thread, and nothing here changes.
  let name: String
  let functions: baselines_peer

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
  let all: [Peer]
  let descriptions: [String]

  /// Their names in the table, and their files.
  private static let known = [
    (name: "C, ck epoch", file: "libpeer-concurrencykit.so"),
    (name: "Rust, crossbeam-epoch", file: "libpeer-crossbeam-epoch.so"),
  ]

  /// Loads what `directory` has of the known peers.
  init(directory: String?) {
    var peers: [Peer] = []
    descriptions = Peers.known.map { name, file in
      let path = directory.map { "\($0)/\(file)" }
      guard let path, FileManager.default.fileExists(atPath: path) else {
        return "\(name): not built, left out (see Benchmarks/README.md)"
      }
      let functions = Self.load(path)
      peers.append(Peer(name: name, functions: functions))
      return "\(name): \(String(cString: functions.version()))"
    }
    all = peers
  }

  private static func load(_ path: String) -> baselines_peer {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL),
      let symbol = dlsym(library, PEER_SYMBOL)
    else {
      fail("cannot load \(path): \(dlerror().map { String(cString: $0) } ?? "unknown")", code: 66)
    }
    return symbol.assumingMemoryBound(to: baselines_peer.self).pointee
  }
}
