// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import TestSupport
import Testing

/// Other libraries take part if they are installed, and are named if they aren't.
struct PeersTests {
  /// What Peers/build.sh makes of what is installed, and the names of the peers in it.
  private static let peersOfFiles = [
    "libpeer-concurrencykit.so": ["C, ck epoch", "C, ck sequence"],
    "libpeer-crossbeam-epoch.so": ["Rust, crossbeam-epoch"],
    "libpeer-std-map.so": ["C++, std::map"],
    "libpeer-absl-btree.so": ["C++, absl::btree_map"],
    "libpeer-absl-flat.so": ["C++, absl::flat_hash_map"],
    "libpeer-absl-node.so": ["C++, absl::node_hash_map"],
    "libpeer-tbb.so": ["C++, oneTBB"],
  ]

  /// The names of the peers that `folder` hasn't got.
  static func missingPeers(in folder: String) throws -> Set<String> {
    let files = try FileManager.default.contentsOfDirectory(atPath: folder)
    return Set(peersOfFiles.filter { !files.contains($0.key) }.values.flatMap { $0 })
  }

  private static let names = Set(peersOfFiles.values.flatMap { $0 })

  /// The names of the peers that take part, and of those that are said to be missing.
  private func peers(of run: BenchmarkRun) throws -> (present: Set<String>, missing: Set<String>) {
    let results = try JSONDecoder().decode(WrittenResults.self, from: run.json)
    var (present, missing): (Set<String>, Set<String>) = ([], [])
    for line in results.machine.peers {
      let parts = line.components(separatedBy: ": ")
      try #require(parts.count == 2 && !parts[1].isEmpty, "\(line)")
      if parts[1].hasPrefix("not built, left out") {
        missing.insert(parts[0])
      } else {
        present.insert(parts[0])
      }
    }
    return (present, missing)
  }

  private func rows(of peer: String, in run: BenchmarkRun) -> [ListedRow] {
    (ListedRow.rows(ofList: run.list) ?? []).filter { $0.name.hasPrefix(peer) }
  }

  @Test func missingPeersAreNamed() throws {
    let run = try BenchmarkRun.withoutPeers.get()
    let (present, missing) = try peers(of: run)
    #expect(present == [] && missing == Self.names)
    for name in Self.names { #expect(rows(of: name, in: run) == []) }
  }

  @Test func whatIsInstalledTakesPart() throws {
    let run = try BenchmarkRun.withPeers.get()
    let folder = try BenchmarkProgram.peers.get()
    let built = try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasSuffix(".so") }
    #expect(Set(built).isSubset(of: Self.peersOfFiles.keys))
    let (present, missing) = try peers(of: run)
    #expect(missing == (try Self.missingPeers(in: folder)))
    #expect(present == Self.names.subtracting(missing))
    for name in present { #expect(rows(of: name, in: run) != [], "\(name)") }
    for name in missing { #expect(rows(of: name, in: run) == [], "\(name)") }
  }
}
