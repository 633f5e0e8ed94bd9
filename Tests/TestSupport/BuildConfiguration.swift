// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc

/// Whether this is a ThreadSanitizer build: its runtime is linked into the process.
package let isThreadSanitizerBuild = unsafe dlsym(nil, "__tsan_init") != nil

/// Whether this is an AddressSanitizer build.
package let isAddressSanitizerBuild = unsafe dlsym(nil, "__asan_init") != nil

/// Whether this is a build for either of them.
package var isSanitizerBuild: Bool { isThreadSanitizerBuild || isAddressSanitizerBuild }

/// Whether this build is optimised.
package var isOptimizedBuild: Bool {
  #if DEBUG
    false
  #else
    true
  #endif
}
