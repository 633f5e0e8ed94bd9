// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import KernelTraces
import Testing

@Suite struct KernelTracesTests {
  @Test func mapsAndDumps() throws {
    guard let trace = KernelTrace() else { return }
    let results = try trace.run([
      .map(trace.base, 0x3000, [.read, .write], [.private, .anonymous, .fixed]),
      .dump,
    ])
    #expect(
      results == """
        OK 0x1000000000
        1000000000-1000003000 rw-p 00000000 00:00 0 
        .

        """)
  }
}
