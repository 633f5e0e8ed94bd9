// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What a pointer publishes is read by many threads: it is Sendable.
// error: type 'Mutable' does not conform to the 'Sendable' protocol
import ReadCopyUpdate

final class Mutable {
  var value = 0
}

func share() {
  let pointer = RCU.Pointer(Mutable())
  pointer.clear()
}
