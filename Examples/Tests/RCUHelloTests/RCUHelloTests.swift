// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Testing

/// The program checks itself: it greets if all is right.
struct RCUHelloTests {
  @Test func itGreets() throws {
    try expectLine("hello, RCU", in: ExampleProgram("rcu-hello").run())
  }
}
