// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// An object that doesn't change will do.
import ReadCopyUpdate

final class Immutable: Sendable {
  let value = 0
}

func share() {
  let pointer = RCU.Pointer(Immutable())
  pointer.clear()
}
