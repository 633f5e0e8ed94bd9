// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A section is not Sendable.
// error: conformance of 'RCUDomain<Flavor>.ReadSection' to 'Sendable' is unavailable
import ReadCopyUpdate

func take<T: Sendable & ~Escapable>(_ value: borrowing T) {}

func send() {
  RCU.withReadSection { section in take(section) }
}
