// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ReadCopyUpdate

// Flavors that leave something out. Their requirements are the library's own business, underscored:
// a program that isn't after the library's errors has no use for them.

/// A flavor made of another one.
protocol MutatedFlavor: RCUFlavor {
  associatedtype Base: RCUFlavor
}

extension MutatedFlavor {
  static var name: String { Base.name }
  // Debug builds would find the mutants first.
  static var _checksSections: Bool { false }
  static func _enterReadSection() { unsafe Base._enterReadSection() }
  static func _exitReadSection() { unsafe Base._exitReadSection() }
  static var _isInReadSection: Bool { Base._isInReadSection }
  static func _waitForGracePeriod() { Base._waitForGracePeriod() }
  static var _number: Int32 { Base._number }
}

/// Sections that protect nothing. Not a registering flavor: with `qsbr` a registered thread is
/// protected outside of sections too.
enum NoSection<Base: RCUFlavor>: MutatedFlavor {
  static func _enterReadSection() {}
  static func _exitReadSection() {}
  static var _isInReadSection: Bool { false }
  static var _reclaimer: _Reclaimer { MutantReclaimers.noSection[Int(Base._number)] }
}

/// Grace periods that end at once.
enum NoGracePeriod<Base: RCUFlavor>: MutatedFlavor {
  static func _waitForGracePeriod() {}
  static var _reclaimer: _Reclaimer { MutantReclaimers.noGracePeriod[Int(Base._number)] }
}

extension NoGracePeriod: ThreadRegisteringFlavor where Base: ThreadRegisteringFlavor {
  static var _isThreadRegistered: Bool { Base._isThreadRegistered }
}

/// The flavor itself, but that nobody is told that threads must register.
enum NoRegistration<Base: ThreadRegisteringFlavor>: MutatedFlavor {
  static var _reclaimer: _Reclaimer { Base._reclaimer }
}

/// A generic type can't store its own. By the flavors' numbers.
private enum MutantReclaimers {
  static let noSection = [
    _Reclaimer(flavor: NoSection<BulletproofFlavor>.self),
    _Reclaimer(flavor: NoSection<MembarrierFlavor>.self),
    _Reclaimer(flavor: NoSection<MemoryBarrierFlavor>.self),
    _Reclaimer(flavor: NoSection<QuiescentStateFlavor>.self),
  ]
  static let noGracePeriod = [
    _Reclaimer(flavor: NoGracePeriod<BulletproofFlavor>.self),
    _Reclaimer(flavor: NoGracePeriod<MembarrierFlavor>.self),
    _Reclaimer(flavor: NoGracePeriod<MemoryBarrierFlavor>.self),
    _Reclaimer(flavor: NoGracePeriod<QuiescentStateFlavor>.self),
  ]
}

/// Runs the program on `flavor`, with the settings' mutation. Each case names its type, so that the
/// compiler makes code for it as for any program that uses the library.
func torture(_ flavor: TorturedFlavor, _ settings: Settings) -> Outcome {
  switch flavor {
  case .bp: torture(BulletproofFlavor.self, settings)
  case .memb: tortureRegistering(MembarrierFlavor.self, settings)
  case .mb: tortureRegistering(MemoryBarrierFlavor.self, settings)
  case .qsbr: tortureRegistering(QuiescentStateFlavor.self, settings)
  }
}

@inline(__always)
private func torture<Flavor: RCUFlavor>(_: Flavor.Type, _ settings: Settings) -> Outcome {
  switch settings.mutant {
  case .noSection: Torture<NoSection<Flavor>>(settings).run()
  case .noGracePeriod: Torture<NoGracePeriod<Flavor>>(settings).run()
  default: Torture<Flavor>(settings).run()
  }
}

@inline(__always)
private func tortureRegistering<Flavor: ThreadRegisteringFlavor>(
  _: Flavor.Type, _ settings: Settings
) -> Outcome {
  if settings.mutant == .noRegistration { return Torture<NoRegistration<Flavor>>(settings).run() }
  return torture(Flavor.self, settings)
}

extension RCUFlavor {
  /// Says, where the flavor wants to hear it, that the calling thread uses nothing that it has
  /// read.
  @inline(__always)
  static func announce() {
    if Self.self == QuiescentStateFlavor.self { RCUDomain<QuiescentStateFlavor>.quiescentState() }
  }

  /// Runs `body`, which blocks, without holding up grace periods.
  static func offline(_ body: () -> Void) {
    guard Self.self == QuiescentStateFlavor.self else { return body() }
    RCUDomain<QuiescentStateFlavor>.offline(body)
  }

  /// Tells whether the calling thread is registered, where the flavor asks for it.
  static var registrationCheck: @Sendable () -> Bool {
    func check<Registering: ThreadRegisteringFlavor>(_: Registering.Type) -> @Sendable () -> Bool {
      { RCUDomain<Registering>.isThreadRegistered }
    }
    guard let registering = Self.self as? any ThreadRegisteringFlavor.Type else { return { true } }
    return check(registering)
  }

  /// Registers the calling thread to its end, where the flavor asks for it.
  static func registerToTheEnd() {
    func register<Registering: ThreadRegisteringFlavor>(_: Registering.Type) {
      RCUDomain<Registering>.registerThread()
    }
    if let registering = Self.self as? any ThreadRegisteringFlavor.Type { register(registering) }
  }

  /// Runs `body` on the calling thread, registered where the flavor asks for it.
  static func asReader(_ body: () -> Void) {
    func register<Registering: ThreadRegisteringFlavor>(_: Registering.Type) {
      RCUDomain<Registering>.withRegisteredThread(body)
    }
    guard let registering = Self.self as? any ThreadRegisteringFlavor.Type else { return body() }
    register(registering)
  }
}
