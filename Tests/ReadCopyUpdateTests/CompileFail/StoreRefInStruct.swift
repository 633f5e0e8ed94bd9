// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A struct that holds a Ref is itself bound to the section.
// error: cannot return a ~Escapable result
// error: stored property 'ref' of 'Escapable'-conforming struct 'Holder' has non-Escapable type
import ReadCopyUpdate

struct Holder {
  let ref: RCU.Ref<Int>
}
