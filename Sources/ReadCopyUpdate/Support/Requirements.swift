// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Ends the process with a message unless `condition` holds, in optimised builds too: there the
/// standard library's `precondition` traps without a word, and the remedy that the message names is
/// lost.
@inlinable
@inline(__always)
package func require(
  _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  guard condition else { fail(message(), file: file, line: line) }
}

/// Ends the process with a message, in optimised builds too.
@usableFromInline
@inline(never)
package func fail(
  _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}
