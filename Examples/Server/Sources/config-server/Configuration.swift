// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// What the server does for its clients: which path leads to which text, and which part of the
/// users has which feature.
///
/// A request must see one configuration as a whole: the routes of one and the features of another
/// could contradict each other.
struct Configuration: Sendable, Decodable {
  /// Increases with each configuration, and is part of each answer.
  let version: Int
  /// Texts by path.
  let routes: [String: String]
  /// The share of users, from 0 to 1, by the name of a feature.
  let features: [String: Double]

  /// Reads a configuration from a JSON file.
  ///
  /// - Throws: a ``Problem`` that names the file, and what is wrong in it.
  init(contentsOf file: String) throws {
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: file))
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw Problem("\(file): \(Self.describe(error))")
    }
    for path in routes.keys where !path.hasPrefix("/") {
      throw Problem("\(file): routes: “\(path)” doesn't begin with “/”")
    }
    for (name, share) in features where !(0...1).contains(share) {
      throw Problem("\(file): features: \(name): \(share) isn't between 0 and 1")
    }
  }

  private static func describe(_ error: any Error) -> String {
    guard let error = error as? DecodingError else { return error.localizedDescription }
    switch error {
    case .keyNotFound(let key, _): return "“\(key.stringValue)” is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ": ")
      return "\(path): \(context.debugDescription)"
    case .dataCorrupted(let context): return "no JSON: \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }

  /// What a request gets: the text of its path, and the features of its user.
  func answer(_ path: String, user: String) -> String? {
    guard let text = routes[path] else { return nil }
    // A user has a feature or not, whatever the request.
    let place = Double(Self.hash(user) % 10_000) / 10_000
    let names = features.filter { place < $0.value }.keys.sorted()
    return "\(version) \(text) [\(names.joined(separator: ","))]\n"
  }

  /// The same for each run of the program (FNV-1a).
  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

/// What is wrong with a configuration.
struct Problem: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
