// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import VirtualMemory

/// A writer that changes a space to and fro, while its text is read in chunks and in one piece and
/// queries are made.
struct ChangeStress: Sendable {
  /// The form in which a text is read.
  enum Form: String, Sendable { case chunks, text }

  let changed: ChangedSpace
  let access: MapsAccess
  /// Bytes of first chunks, in turn; `nil` for a full one.
  var firstChunkCounts: [Int?] = [nil]
  /// Where queries ask.
  let addresses: [UInt64]
  /// What a text is called in the report; `nil` for one that is wrong though each of its lines is
  /// right.
  let name: @Sendable (Form, [TextSection]) -> String?
  /// Whether the answer to a query is wrong for a reason of the test's own.
  var isWrong: @Sendable (_ found: QueryResult?, _ address: UInt64) -> Bool = { _, _ in false }

  struct Report: Sendable, CustomStringConvertible {
    var changes = 0
    var queries = 0
    /// Texts by form and name.
    var texts: [String: Int] = [:]
    /// What was wrong.
    var violations: [String] = []

    var description: String {
      let texts = texts.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
      return "\(changes) changes; \(queries) queries; \(texts.joined(separator: ", "))"
    }
  }

  /// Runs until the time is over or something is wrong.
  func run(for duration: Duration) -> Report {
    let deadline = ContinuousClock.now + duration
    let stop = Flag()
    let report = Locked(Report())
    let end: @Sendable ((inout Report) -> Void) -> Void = { report.withLock($0) }
    runThreads([
      {
        let changes = change(until: deadline, stop)
        end { $0.changes = changes }
        stop.raise()
      },
      { read(.chunks, stop, end) },
      { read(.text, stop, end) },
      { ask(stop, end) },
    ])
    changed.space._checkInvariants()
    return report.withLock { $0 }
  }

  private func change(until deadline: ContinuousClock.Instant, _ stop: Flag) -> Int {
    var changes = 0
    repeat {
      for _ in 0..<16 {
        changed.modify()
        changed.restore()
        changes += 2
      }
    } while ContinuousClock.now < deadline && !stop.isRaised
    return changes
  }

  // MARK: Texts

  private func read(_ form: Form, _ stop: Flag, _ end: ((inout Report) -> Void) -> Void) {
    var names: [String: Int] = [:]
    var violation: String?
    var iteration = 0
    repeat {
      let firstCount = firstChunkCounts[iteration % firstChunkCounts.count]
      // Now and then others come to run between the chunks, also where there is one processor.
      let sections = sections(form, firstCount) { if iteration % 8 == 0 { yieldThread() } }
      var name: String?
      (name, violation) = judge(form, sections)
      names["\(form.rawValue) \(name ?? "wrong")", default: 0] += 1
      if iteration < StressOptions.verboseIterations {
        print(
          "\(changed.change.testDescription), \(access.testDescription), \(form):",
          "\(name ?? "wrong")\n\(changed.linesAroundTheChange(sections))", terminator: "")
      }
      iteration += 1
    } while violation == nil && !stop.isRaised
    if violation != nil { stop.raise() }
    end {
      $0.texts.merge(names) { $0 + $1 }
      if let violation { $0.violations.append("\(form): \(violation)") }
    }
  }

  func sections(
    _ form: Form, _ firstCount: Int? = nil, between: () -> Void = {}
  ) -> [TextSection] {
    switch form {
    case .chunks: access.chunks(changed.space, firstCount, between)
    case .text: [access.text(changed.space)]
    }
  }

  /// What a text is called, and what is wrong with it.
  func judge(_ form: Form, _ sections: [TextSection]) -> (name: String?, violation: String?) {
    let name = name(form, sections)
    var violation = changed.violation(in: sections, areInstants: access.areInstants)
    if name == nil && violation == nil { violation = "a pair that is not allowed" }
    return (name, violation.map { "\($0)\n\(changed.describe(sections))" })
  }

  // MARK: Queries

  private func ask(_ stop: Flag, _ end: ((inout Report) -> Void) -> Void) {
    var queries = 0
    var violation: String?
    repeat {
      violation = wrongAnswer()
      queries += 2 * addresses.count
    } while violation == nil && !stop.isRaised
    if violation != nil { stop.raise() }
    end {
      $0.queries = queries
      if let violation { $0.violations.append("query: \(violation)") }
    }
  }

  /// The first wrong answer about the addresses, each asked for alone, with a filter, and all at
  /// once.
  func wrongAnswer() -> String? {
    for (index, address) in addresses.enumerated() {
      let found = access.query(changed.space, address, [])
      if isWrong(found, address) { return "\(String(address, radix: 16)): \(found as Any)" }
      if let wrong = changed.violation(of: found, address, []) { return wrong }
      let flags: QueryFlags = index % 2 == 0 ? .coveringOrNext : [.coveringOrNext, .writable]
      let next = access.query(changed.space, address, flags)
      if let wrong = changed.violation(of: next, address, flags) { return wrong }
    }
    guard let batch = access.batch else { return nil }
    // The lowest VMA is always there: it tells the version.
    let all = [changed.before.lines[0].start] + addresses
    return changed.violation(of: batch(changed.space, all), all)
  }
}
