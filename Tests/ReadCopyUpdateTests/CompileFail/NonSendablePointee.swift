// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Many threads read a pointee: it is Sendable.
// error: does not conform to the 'Sendable' protocol
import ReadCopyUpdate

final class Mutable {
  var value = 0
}

func make() {
  let pointer = RCU.Pointer(Mutable())
  pointer.clear()
}
