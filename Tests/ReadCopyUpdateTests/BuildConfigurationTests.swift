// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import TestSupport
import Testing
import _SystemShims

@Suite struct BuildConfigurationTests {
  /// ThreadSanitizer without the annotations would report liburcu's grace periods as races; the
  /// annotations without its runtime don't link. A sanitizer build that lacks them must not pass.
  @Test func annotationsComeWithTheSanitizer() {
    #expect(sysshims_is_annotated() == isThreadSanitizerBuild)
  }

  /// `Tests/Scripts/tsan.sh` says what it runs; the build must be that.
  @Test func theSanitizerThatWasAskedForIsThere() {
    if let expected = environment("SWIFT_URCU_EXPECT_TSAN") {
      #expect(isThreadSanitizerBuild == (expected == "1"))
      #expect(sysshims_is_annotated() == (expected == "1"))
    }
  }

  /// The same for `Tests/Scripts/asan.sh`.
  @Test func addressSanitizerThatWasAskedForIsThere() {
    if let expected = environment("SWIFT_URCU_EXPECT_ASAN") {
      #expect(isAddressSanitizerBuild == (expected == "1"))
    }
  }
}
