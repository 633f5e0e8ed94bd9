// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Foundation
import TestSupport
import Testing

private let program = ExampleProgram("maps-watch")

private func expectPlain(_ output: String) {
  #expect(!output.contains("\u{1b}"), "escape codes in plain text")
}

/// What the program prints and draws of a child.
struct MapsWatchReportTests {
  private let child: WatchedChild
  private let id: String

  init() throws {
    child = try WatchedChild()
    id = "\(child.id)"
  }

  @Test func theStateIsPlainText() throws {
    let output = try program.run(["--once", id])
    try expectLine("^process \(id)  sleep 1000$", in: output)
    try expectLine(
      "^[1-9][0-9,]* mappings of [0-9,]+, [0-9,]+ left, [0-9.]+ [KMG]iB mapped$", in: output)
    try expectLine(" ⋮ hole of [0-9.]+ [KMGTP]iB  ▼ ", in: output)
    try expectLine("^ +[0-9a-f]+ .*S", in: output)
    expectPlain(output)
  }

  @Test func aProcessThatSleepsDoesNotChange() throws {
    try expectLine("^nothing has grown or shrunk$", in: program.run(["--diff", "0.2", id]))
  }

  @Test func theDrawingNamesTheStack() throws {
    try withTemporaryDirectory { folder in
      let file = folder + "/watch.svg"
      try program.run(["--svg", file, id])
      let drawing = try String(contentsOfFile: file, encoding: .utf8)
      try expectLine(#"<title>.*\[stack\]"#, in: drawing)
      #expect(drawing.split(separator: "\n").last == "</svg>")
    }
  }

  @Test func theStateIsALineOfJSON() throws {
    let output = try program.run(["--once", "--json", id])
    try expectLine(
      #"^\{.*"event":"state".*"mappings":\[\{.*"name":"\[stack\]".*\}$"#, in: output)
    #expect(output.split(separator: "\n").count == 1)
    _ = try JSONSerialization.jsonObject(with: Data(output.utf8))
    try expectLine(
      #"^\{.*"changes":\[\].*"event":"changes".*\}$"#,
      in: program.run(["--diff", "0.2", "--json", id]))
  }
}

/// The program watches until the process ends.
struct MapsWatchEndTests {
  @Test func theEndIsTold() throws {
    let child = try WatchedChild()
    child.endWhenWatched()
    let output = try program.run(["--interval", "20", "\(child.id)"])
    try expectLine("^process \(child.id) has exited, after ", in: output)
    expectPlain(output)
  }

  @Test func theEndIsToldAsJSON() throws {
    let child = try WatchedChild()
    child.endWhenWatched()
    let output = try program.run(["--interval", "20", "--json", "\(child.id)"])
    try expectLine(#""event":"end".*"reason":"exited""#, in: output)
  }

  @Test func anEndBeforeTheDifferenceIsAFailure() throws {
    let child = try WatchedChild()
    child.endWhenWatched()
    let output = try program.run(
      ["--diff", "1000", "--interval", "20", "\(child.id)"], exits: 1)
    try expectLine("^maps-watch: process \(child.id) has exited, before ", in: output)
  }

  @Test func aProgramThatTakesThePlaceOfAnotherIsFollowed() throws {
    try withTemporaryDirectory { folder in
      let file = folder + "/output"
      // It goes on as another program once something of it has been told.
      let script = #"until [ -s "$1" ]; do sleep 0.05; done; exec sleep 1000"#
      let child = try WatchedChild(["bash", "-c", script, "-", file], until: "(bash)")
      Thread.detachNewThread {
        let stack = #/\[stack\]$/#.anchorsMatchLineEndings()
        WatchedChild.wait { (WatchedChild.text(file) ?? "").contains(stack) }
        child.end()
      }
      try program.run(["--interval", "20", "\(child.id)"], into: file)
      let output = try String(contentsOfFile: file, encoding: .utf8)
      try expectLine("^[0-9:]+ - .*/bash$", in: output)
      try expectLine(#"^[0-9:]+ \+ .*\[stack\]$"#, in: output)
    }
  }
}

/// Processes and arguments that the program refuses.
struct MapsWatchRefusalTests {
  private static let own = "\(ProcessInfo.processInfo.processIdentifier)"

  @Test func aZombieIsRefused() throws {
    try withTemporaryDirectory { folder in
      let file = folder + "/zombie"
      // A child that has ended, and whose parent doesn't wait for it any more.
      let script = """
        (until grep -q sleep "/proc/$$/comm"; do sleep 0.05; done) & echo $! >"$1"; exec sleep 1000
        """
      let parent = try WatchedChild(["bash", "-c", script, "-", file], until: "(sleep) S")
      let id = (WatchedChild.text(file) ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
      WatchedChild.wait { (WatchedChild.text("/proc/\(id)/stat") ?? "").contains(") Z") }
      let output = try program.run(["--once", id], exits: 1)
      try expectLine("^maps-watch: process \(id) is a zombie", in: output)
      #expect(output.split(separator: "\n").count == 1)
      parent.end()
    }
  }

  @Test func aProcessThatIsNotThereIsRefused() throws {
    let output = try program.run(["2147483647"], exits: 1)
    try expectLine("^maps-watch: there is no process 2147483647$", in: output)
  }

  /// In a container, process 2 is none.
  private static let hasKernelThread =
    WatchedChild.text("/proc/2/status")?.contains("\nKthread:\t1") ?? false

  @Test(.enabled(if: hasKernelThread, "process 2 isn't a thread of the kernel here"))
  func aThreadOfTheKernelIsRefused() throws {
    let output = try program.run(["2"], exits: 1)
    try expectLine("^maps-watch: process 2 is a thread of the kernel", in: output)
  }

  @Test func whatCannotBeWrittenIsAFailure() throws {
    try withTemporaryDirectory { folder in
      let output = try program.run(["--svg", folder + "/none/watch.svg", Self.own], exits: 1)
      try expectLine("^maps-watch: cannot write ", in: output)
    }
    let errors = try program.run(["--once", Self.own], exits: 1, into: "/dev/full")
    try expectLine("^maps-watch: cannot write ", in: errors)
  }

  @Test(arguments: [
    [], ["self"], ["0"], ["99999999999"], ["--json", "--svg", "watch.svg", own],
    ["--once", "--diff", "1", own], ["--diff", "0", own], ["--diff", "nan", own],
    ["--interval", "0", own], ["--once", "--interval", "10", own],
  ])
  func badArgumentsAreRefused(_ arguments: [String]) throws {
    try program.run(arguments, exits: 64)
  }
}
