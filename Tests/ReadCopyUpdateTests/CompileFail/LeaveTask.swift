// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref doesn't leave its task or thread: for tasks, groups, actors, sending parameters.
// error: passing closure as a 'sending' parameter risks causing data races
// error: passing closure as a 'sending' parameter risks causing data races
// error: passing closure as a 'sending' parameter risks causing data races
// error: sending 'pointer.load' risks causing data races
// error: sending 'pointer.load' risks causing data races
// error: sending 'pointer.load' risks causing data races
// error: sending 'pointer.load' risks causing data races
// error: sending 'concurrently' risks causing data races
// error: sending 'run' risks causing data races
// error: lifetime-dependent variable 'detached' escapes its scope
// error: lifetime-dependent variable 'grouped' escapes its scope
// error: lifetime-dependent variable 'concurrently' escapes its scope
// error: lifetime-dependent variable 'handed' escapes its scope
import ReadCopyUpdate

func give(_ ref: sending RCU.Ref<Int>) {}
func give(_ body: sending @escaping () -> Void) {}

actor Other {
  func look(_ ref: SleepableRCU.Ref<Int>) {}
}
@MainActor func lookOnMainActor(_ ref: SleepableRCU.Ref<Int>) {}
@concurrent func lookConcurrently(_ ref: SleepableRCU.Ref<Int>) async {}

func leak(_ pointer: borrowing RCU.Pointer<Int>) {
  RCU.withReadSection { section in
    let detached = pointer.load(in: section)!
    Task.detached { print(detached.value) }
  }
  RCU.withReadSection { section in
    let handed = pointer.load(in: section)!
    give { print(handed.value) }
  }
  RCU.withReadSection { section in give(pointer.load(in: section)!) }
}

func leak(
  _ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>, _ other: Other
) async {
  await domain.withReadSection { section in
    let concurrently = pointer.load(in: section)!
    async let value = concurrently.value
    _ = await value
  }
  await domain.withReadSection { section in
    let grouped = pointer.load(in: section)!
    await withTaskGroup(of: Int.self) { group in group.addTask { grouped.value } }
  }
  await domain.withReadSection { section in await other.look(pointer.load(in: section)!) }
  await domain.withReadSection { section in await lookOnMainActor(pointer.load(in: section)!) }
  await domain.withReadSection { section in await lookConcurrently(pointer.load(in: section)!) }
  await domain.withReadSection { section in
    let run = pointer.load(in: section)!
    await MainActor.run { print(run.value) }
  }
}
