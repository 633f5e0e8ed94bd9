// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A task may change threads: it can't be registered.
// error: static method 'withRegisteredThread' is unavailable from asynchronous contexts; a task may
import ReadCopyUpdate

func read() async {
  RCUDomain<MembarrierFlavor>.withRegisteredThread {}
}
