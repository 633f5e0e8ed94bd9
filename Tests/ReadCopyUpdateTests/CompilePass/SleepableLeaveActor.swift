// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It goes to functions that stay on the caller's actor; others get values.
import ReadCopyUpdate

actor Other {
  func look(_ value: Int) {}
}

nonisolated(nonsending)
  func look(_ section: SleepableRCU.ReadSection) async
{ await Task.yield() }

func read(
  _ domain: SleepableRCU, _ other: Other, _ pointer: borrowing SleepableRCU.Pointer<Int>
) async {
  await domain.withReadSection { section in
    await look(section)
    await other.look(pointer.load(in: section)!.value)
  }
}
