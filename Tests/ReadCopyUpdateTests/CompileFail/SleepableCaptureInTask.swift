// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A task can't capture a Ref: it may outlive the section.
// error: lifetime-dependent variable
// error: passing closure as a 'sending' parameter risks causing data races
import ReadCopyUpdate

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async {
  await domain.withReadSection { section in
    let ref = pointer.load(in: section)!
    await Task.yield()
    Task { print(ref.value) }
  }
}
