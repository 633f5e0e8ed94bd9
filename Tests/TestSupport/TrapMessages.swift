// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

package import Testing

/// Expects that a process has ended with a message that has all of `words`: in optimised builds
/// too.
package func expectMessage(
  of result: ExitTest.Result?, names words: [String],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  // Without a result the exit test has failed already.
  guard let result else { return }
  let message = String(decoding: result.standardErrorContent, as: UTF8.self)
  for word in words {
    #expect(message.contains(word), "\(message)", sourceLocation: sourceLocation)
  }
}
