// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Testing

/// The program checks itself; its profile has samples in its own code.
struct SignalProfilerTests {
  @Test func theProgramIsInItsProfile() throws {
    try expectLine(
      "^ +[1-9][0-9]* +[0-9.]+% .*/signal-profiler$", in: ExampleProgram("signal-profiler").run())
  }
}
