// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// Ends the process with a message unless `condition` holds. Unlike the standard library's
/// `precondition`, it prints the message, which names the remedy, in optimised builds too.
@inlinable
@inline(__always)
func require(
  _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  guard condition else { fail(message(), file: file, line: line) }
}

/// Ends the process with a message, in optimised builds too.
@usableFromInline
@inline(never)
func fail(
  _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}
