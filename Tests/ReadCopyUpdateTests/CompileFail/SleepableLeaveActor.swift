// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section doesn't go to another actor, not even while its task waits there.
// error: sending
import ReadCopyUpdate

actor Other {
  func look(_ section: SleepableRCU.ReadSection) {}
}

func read(_ domain: SleepableRCU, _ other: Other) async {
  await domain.withReadSection { section in await other.look(section) }
}
