// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import VirtualMemory

/// The screen: what is shown of a process, in as many lines as there are.
struct LiveView {
  let watch: Watch
  let size: Terminal.Size

  /// The lines of the screen. The picture has what the others leave, and changes what the picture
  /// leaves.
  func lines() -> [Line] {
    let sections = Sections(watch: watch, columns: size.columns, hasColors: Terminal.hasColors)
    let top = sections.head() + [Line()] + sections.legend()
    let spare = max(0, size.rows - top.count)
    let growthLimit = max(2, min(6, spare / 6))
    var growth = sections.growth(ofFiles: true, maximumLineCount: growthLimit)
    growth += sections.growth(ofFiles: false, maximumLineCount: growthLimit)
    let leastChanges = min(8, max(3, spare / 4))
    let picture = sections.picture(
      maximumLineCount: max(2, spare - growth.count - leastChanges - 2))
    if !growth.isEmpty { growth.insert(Line(), at: 0) }
    let used = top.count + picture.count + growth.count + 1
    let changes = sections.lastChanges(maximumLineCount: size.rows - used)
    return Array((top + picture + growth + [Line()] + changes).prefix(size.rows))
  }
}

extension Watch {
  /// One report in plain text.
  func report(columns: Int) -> [Line] {
    let sections = Sections(watch: self, columns: columns, hasColors: false)
    return sections.head() + [Line()] + sections.legend() + [Line()]
      + sections.picture(maximumLineCount: 48)
  }

  /// What has grown, in plain text; a line that says so if nothing has.
  func growthReport(columns: Int) -> [Line] {
    let sections = Sections(watch: self, columns: columns, hasColors: false)
    let lines = sections.growth(ofFiles: true) + sections.growth(ofFiles: false)
    return lines.isEmpty ? [Line("nothing has grown or shrunk")] : lines
  }
}
