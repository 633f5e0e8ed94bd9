// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref or a section can't be made to conform to Escapable, Error or an ordinary protocol, and a
// Sendable closure can't capture it.
// error: conformance to 'Escapable' must occur in the same source file as struct 'ReadSection'
// error: conformance to 'Escapable' must occur in the same source file as struct 'ReadSection'
// error: type 'RCUDomain<Flavor>.Ref<Value>' does not conform to protocol 'Escapable'
// error: type 'SleepableRCU.Ref<Value>' does not conform to protocol 'Escapable'
// error: capture of 'ref' with non-Sendable type 'RCUDomain<BulletproofFlavor>.Ref<Int>'
// error: capture of 'section' with non-Sendable type 'SleepableRCU.ReadSection'
import ReadCopyUpdate

protocol Ordinary {}

extension RCU.ReadSection: Escapable {}
extension SleepableRCU.ReadSection: Escapable {}
extension RCU.Ref: Ordinary {}
extension SleepableRCU.Ref: @retroactive Error {}

func share(_ body: @Sendable () -> Void) {}

func share(_ ref: RCU.Ref<Int>, _ section: SleepableRCU.ReadSection) {
  share { print(ref.value) }
  share { _ = section }
}
