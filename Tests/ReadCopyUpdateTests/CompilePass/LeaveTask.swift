// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Values do, and pointers; a Ref goes to functions that stay on the caller's actor.
import ReadCopyUpdate

func give(_ value: sending Int) {}
func give(_ body: sending @escaping () -> Void) {}

actor Other {
  func look(_ value: Int) {}
}
@MainActor func lookOnMainActor(_ value: Int) {}
@concurrent func lookConcurrently(_ value: Int) async {}
nonisolated(nonsending) func lookHere(_ ref: SleepableRCU.Ref<Int>) async {}

func show(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    let value = pointer.load(in: section)!.value
    Task.detached { print(value) }
    give { print(value) }
    give(value)
  }
}

func show(
  _ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>, _ other: Other
) async {
  await domain.withReadSection { section in
    let ref = pointer.load(in: section)!
    let value = ref.value
    async let concurrently = value
    await withTaskGroup(of: Int.self) { group in group.addTask { value } }
    await other.look(value)
    await lookOnMainActor(value)
    await lookConcurrently(value)
    await lookHere(ref)
    await MainActor.run { print(value) }
    _ = await concurrently
  }
}
