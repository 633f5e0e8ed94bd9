// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing

/// What the types forbid. A file of `CompileFail` must be rejected with exactly the errors that it
/// names, each at least as often as it is named; the file of the same name in `CompilePass`, which
/// does it right, must compile: otherwise the rejection would prove nothing. Neither is given a
/// flag that a user would have to know.
///
/// A file of several attacks names an error for each. All are of one phase of the compiler, which
/// doesn't look at lifetimes where types are wrong. Of a closure's argument it reports one escape:
/// each attack has a section of its own.
///
/// Skipped in sanitizer builds: the types are the same, the compiler is no quicker, and what runs
/// it, Foundation, leaks.
@Suite(.processes, .enabled(if: !isThreadSanitizerBuild && !isAddressSanitizerBuild))
struct CompileTests {
  @Test(arguments: SwiftCompiler.snippets(in: "CompileFail", beside: #filePath))
  func misuseIsRejected(_ name: String) throws {
    let file = Self.path("CompileFail", name)
    let expected = try SwiftCompiler.expectedErrors(in: file)
    let diagnosis = try SwiftCompiler.compile(file)
    #expect(diagnosis.status != 0)
    #expect(!expected.isEmpty)
    for (text, count) in Dictionary(expected.map { ($0, 1) }, uniquingKeysWith: +) {
      let found = diagnosis.errors.count { $0.contains(text) }
      #expect(
        found >= count, "\(found) of \(count) times: \(text)\n\(diagnosis.output)")
    }
    for error in diagnosis.errors {
      #expect(expected.contains { error.contains($0) }, "unexpected: \(error)")
    }
  }

  @Test(arguments: SwiftCompiler.snippets(in: "CompilePass", beside: #filePath))
  func rightUseCompiles(_ name: String) throws {
    let diagnosis = try SwiftCompiler.compile(Self.path("CompilePass", name))
    #expect(diagnosis.status == 0, "\(diagnosis.output)")
    #expect(diagnosis.errors.isEmpty && diagnosis.warnings.isEmpty, "\(diagnosis.output)")
  }

  /// Misuse that the compiler, Swift 6.3, accepts, wrongly. It traps at run time, in debug builds:
  /// `EscapeTests`.
  @Test(arguments: SwiftCompiler.snippets(in: "CompileFail/NotYet", beside: #filePath))
  func knownMisuseCompiles(_ name: String) throws {
    let diagnosis = try SwiftCompiler.compile(Self.path("CompileFail/NotYet", name))
    #expect(
      diagnosis.status == 0 && diagnosis.errors.isEmpty,
      "this compiler rejects some of \(name): move that to CompileFail\n\(diagnosis.output)")
  }

  @Test func everyMisuseHasItsRightUse() {
    let misuses = SwiftCompiler.snippets(in: "CompileFail", beside: #filePath)
    #expect(!misuses.isEmpty)
    #expect(misuses == SwiftCompiler.snippets(in: "CompilePass", beside: #filePath))
    // An empty folder would pass as well.
    #expect(!SwiftCompiler.snippets(in: "CompileFail/NotYet", beside: #filePath).isEmpty)
  }

  private static func path(_ folder: String, _ name: String) -> String {
    let path = #filePath
    return String(path[..<path.lastIndex(of: "/")!]) + "/\(folder)/\(name).swift"
  }
}
