// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be stored in an object, which outlives the section.
// error: cannot return a ~Escapable result
import ReadCopyUpdate

final class Holder {
  var ref: RCU.Ref<Int>?
}
