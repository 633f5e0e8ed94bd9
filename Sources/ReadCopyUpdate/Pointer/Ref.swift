// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension RCUDomain {
  /// A value behind a ``Pointer``, valid inside the read section that loaded it.
  ///
  /// It can be copied and passed on inside the section; storing, returning, capturing or sending it
  /// is a compile error. Nothing is retained or copied: ``value`` reads the pointee in place.
  @safe
  public struct Ref<Value: ~Copyable & Sendable>: ~Escapable {
    @usableFromInline
    let address: UnsafeMutableRawPointer
    #if DEBUG
      @usableFromInline let section: ReadSection
    #endif

    /// - Safety: `address` holds a `Value` that stays initialised until `section` ends.
    @usableFromInline
    @inline(__always)
    @_lifetime(copy section)
    @unsafe
    init(_ address: UnsafeMutableRawPointer, in section: ReadSection) {
      unsafe self.address = address
      #if DEBUG
        self.section = section
      #endif
    }

    @usableFromInline
    @inline(__always)
    func checkIsOpen() {
      #if DEBUG
        section.checkIsOpen()
      #endif
    }

    /// The value, borrowed in place.
    @inlinable
    @safe
    public var value: Value {
      // Safety: the section keeps the pointee alive, and a published pointee is never changed.
      //
      // A coroutine instead of an addressor: with an addressor, the optimiser of Swift 6.3.1
      // crashes if `||` or `&&` captures a parameter of this type. The machine code is the same.
      @inline(__always)
      _read {
        checkIsOpen()
        yield unsafe address.assumingMemoryBound(to: Value.self).pointee
      }
    }
  }
}

@available(*, unavailable, message: "a Ref belongs to the read section of one thread")
extension RCUDomain.Ref: Sendable where Value: ~Copyable {}
