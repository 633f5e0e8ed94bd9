// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CoreMetrics
import Synchronization

/// A metrics system that keeps the current values, and prints them in Prometheus's text format.
///
/// It has what this program needs: counters and gauges.
final class PrometheusMetrics: MetricsFactory, Sendable {
  private struct Key: Hashable {
    let name: String
    let labels: String
  }

  private final class Value: CounterHandler, FloatingPointCounterHandler, RecorderHandler, Sendable
  {
    let isCounter: Bool
    private let value = Mutex(0.0)

    init(isCounter: Bool) { self.isCounter = isCounter }

    var current: Double { value.withLock { $0 } }
    func increment(by amount: Int64) { value.withLock { $0 += Double(amount) } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func record(_ new: Int64) { value.withLock { $0 = Double(new) } }
    func record(_ new: Double) { value.withLock { $0 = new } }
    func reset() { value.withLock { $0 = 0 } }
  }

  private final class IgnoredTimer: TimerHandler {
    func recordNanoseconds(_ duration: Int64) {}
  }

  private let values = Mutex<[Key: Value]>([:])

  private func value(_ name: String, _ labels: [(String, String)], isCounter: Bool) -> Value {
    let key = Key(name: name, labels: Self.text(labels))
    return values.withLock { values in
      if let value = values[key] { return value }
      let value = Value(isCounter: isCounter)
      values[key] = value
      return value
    }
  }

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    value(label, dimensions, isCounter: true)
  }

  func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    value(label, dimensions, isCounter: true)
  }

  func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler {
    value(label, dimensions, isCounter: false)
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    IgnoredTimer()
  }

  func destroyCounter(_ handler: any CounterHandler) {}
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
  func destroyRecorder(_ handler: any RecorderHandler) {}
  func destroyTimer(_ handler: any TimerHandler) {}

  /// All values, each name with its type.
  func text() -> String {
    let all = values.withLock { $0 }
    var lines: [String] = []
    for (name, group) in Dictionary(grouping: all, by: \.key.name).sorted(by: { $0.key < $1.key }) {
      lines.append("# TYPE \(name) \(group[0].value.isCounter ? "counter" : "gauge")")
      for (key, value) in group.sorted(by: { $0.key.labels < $1.key.labels }) {
        lines.append("\(name)\(key.labels) \(Self.text(value.current))")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// One line of a gauge that isn't kept.
  static func line(_ name: String, _ labels: [(String, String)], _ value: Double) -> String {
    "\(name)\(text(labels)) \(text(value))\n"
  }

  private static func text(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
  }

  private static func text(_ labels: [(String, String)]) -> String {
    guard !labels.isEmpty else { return "" }
    let pairs = labels.map { name, value in
      let escaped = value.map { character in
        switch character {
        case "\\": "\\\\"
        case "\"": "\\\""
        case "\n": "\\n"
        default: String(character)
        }
      }
      return "\(name)=\"\(escaped.joined())\""
    }
    return "{\(pairs.joined(separator: ","))}"
  }
}
