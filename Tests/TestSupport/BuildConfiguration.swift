// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
internal import _SystemShims

/// Whether this is a ThreadSanitizer build: its runtime is linked into the process.
package var isThreadSanitizerBuild: Bool { sysshims_has_tsan_runtime() }

/// Whether this is an AddressSanitizer build.
package var isAddressSanitizerBuild: Bool { unsafe dlsym(nil, "__asan_init") != nil }

/// Whether this is a build for either of them.
package var isSanitizerBuild: Bool { isThreadSanitizerBuild || isAddressSanitizerBuild }

/// Whether the read sections carry ThreadSanitizer's annotations.
package var isAnnotatedBuild: Bool { sysshims_is_annotated() }

/// Whether this build is optimised.
package var isOptimizedBuild: Bool {
  #if DEBUG
    false
  #else
    true
  #endif
}
