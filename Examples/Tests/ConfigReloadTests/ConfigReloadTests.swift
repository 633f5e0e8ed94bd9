// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ExampleSupport
import Testing

/// The program checks itself: the last of its checks is that nothing is left open.
struct ConfigReloadTests {
  @Test func everyUpstreamIsClosed() throws {
    try expectLine("^ok: all are closed", in: ExampleProgram("config-reload").run())
  }
}
