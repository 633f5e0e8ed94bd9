// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// It can capture the value, or open a section of its own.
import ReadCopyUpdate

final class Shared: Sendable {
  let domain = SleepableRCU()
  let pointer: SleepableRCU.Pointer<Int>
  init() { pointer = SleepableRCU.Pointer(1, protectedBy: domain) }
}

func show(_ shared: Shared) async {
  await shared.domain.withReadSection { section in
    let value = shared.pointer.load(in: section)!.value
    await Task.yield()
    Task {
      print(value)
      await shared.domain.withReadSection { section in
        await Task.yield()
        print(shared.pointer.load(in: section)!.value)
      }
    }
  }
}
