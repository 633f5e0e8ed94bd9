// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// Numbers for a reader.
enum Numbers {
  private static let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// Bytes in the unit that fits: `132 KiB`, `1.2 GiB`.
  static func bytes(_ count: UInt64) -> String {
    var value = Double(count)
    var unit = 0
    while value >= 1023.95, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    // Three digits at most, and no `.0`.
    let tenths = (value * 10).rounded() / 10
    let isWhole = tenths >= 100 || tenths == tenths.rounded()
    return String(format: isWhole ? "%.0f " : "%.1f ", value) + units[unit]
  }

  /// More or fewer bytes: `+132 KiB`.
  static func added(_ count: Int64) -> String {
    (count < 0 ? "-" : "+") + bytes(count.magnitude)
  }

  static func added(_ count: Int) -> String { count < 0 ? String(count) : "+\(count)" }

  /// With separators: `65,530`.
  static func grouped(_ count: Int) -> String {
    var digits = String(count.magnitude)
    var groups: [Substring] = []
    while digits.count > 3 {
      groups.insert(digits.suffix(3), at: 0)
      digits.removeLast(3)
    }
    groups.insert(digits[...], at: 0)
    return (count < 0 ? "-" : "") + groups.joined(separator: ",")
  }

  /// One mapping, two mappings.
  static func mappings(_ count: Int) -> String {
    count == 1 ? "1 mapping" : "\(grouped(count)) mappings"
  }

  static func hex(_ address: UInt64) -> String { String(address, radix: 16) }

  /// The time of day, as the machine's time zone has it: `14:03:22`.
  static func timeOfDay(_ date: Date) -> String {
    var time = time_t(date.timeIntervalSince1970)
    var parts = tm()
    localtime_r(&time, &parts)
    return String(format: "%02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec)
  }

  static func seconds(_ seconds: Double) -> String {
    seconds < 1 ? String(format: "%.0f ms", seconds * 1000) : String(format: "%.1f s", seconds)
  }
}
