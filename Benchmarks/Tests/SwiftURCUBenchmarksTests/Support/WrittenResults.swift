// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The JSON that the benchmarks write. Its keys are what other programs read: decoding fails if one
/// is missing or has another name.
struct WrittenResults: Decodable, Sendable {
  struct Machine: Decodable, Sendable {
    var kernel: String
    var cores: Int
    var processor: String
    var liburcu: String
    var peers: [String]
  }

  struct Row: Decodable, Sendable {
    var group: String
    var name: String
    var meaning: String
    var unit: String
    var median: Double
    var baseline: String
    var ratio: Double
    var minimumRatio: Double
    var maximumRatio: Double
    var values: [Double]

    var names: ListedRow { ListedRow(group: group, name: name, baseline: baseline) }
  }

  var machine: Machine
  var rounds: Int
  var isQuick: Bool
  var results: [Row]
}
