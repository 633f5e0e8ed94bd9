// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be stored in a static variable.
// error: cannot return a ~Escapable result
import ReadCopyUpdate

enum Holder {
  nonisolated(unsafe) static var ref: RCU.Ref<Int>? = nil
}
