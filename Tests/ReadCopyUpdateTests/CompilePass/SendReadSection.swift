// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A thread opens its own.
import ReadCopyUpdate

func take<T: Sendable>(_ value: T) {}

func send() {
  take { @Sendable in RCU.withReadSection { _ in RCU.isInReadSection } }
}
