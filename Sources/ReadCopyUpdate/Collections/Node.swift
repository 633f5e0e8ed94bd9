// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The allocation behind an element of a collection: the element, whose address is the node's, as
/// ``RCUDomain/Retired`` wants it; then what the collection needs to know of it.
@usableFromInline
enum _Node<Element: ~Copyable, Trailer: ~Copyable> {
  @inlinable
  static var trailerOffset: Int {
    let mask = MemoryLayout<Trailer>.alignment - 1
    return (MemoryLayout<Element>.size + mask) & ~mask
  }

  @inlinable
  static var byteCount: Int { trailerOffset + MemoryLayout<Trailer>.size }

  /// A node that nobody knows yet.
  @inlinable
  static func allocate(
    _ element: consuming Element, _ trailer: consuming Trailer
  ) -> UnsafeMutableRawPointer {
    let node = UnsafeMutableRawPointer.allocate(
      byteCount: byteCount,
      alignment: max(MemoryLayout<Element>.alignment, MemoryLayout<Trailer>.alignment))
    unsafe node.initializeMemory(as: Element.self, to: element)
    unsafe (node + trailerOffset).initializeMemory(as: Trailer.self, to: trailer)
    return unsafe node
  }

  @inlinable
  @inline(__always)
  static func element(_ node: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Element> {
    unsafe node.assumingMemoryBound(to: Element.self)
  }

  @inlinable
  @inline(__always)
  static func trailer(_ node: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Trailer> {
    unsafe (node + trailerOffset).assumingMemoryBound(to: Trailer.self)
  }

  /// The node with this trailer.
  @inlinable
  @inline(__always)
  static func start(of trailer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    unsafe trailer - trailerOffset
  }

  /// Destroys what a node holds that nobody can reach any more. It is to be freed then.
  @inlinable
  static func deinitialize(_ node: UnsafeMutableRawPointer) {
    unsafe element(node).deinitialize(count: 1)
    unsafe deinitializeRest(node)
  }

  /// Destroys what is left when the element was moved out.
  @inlinable
  static func deinitializeRest(_ node: UnsafeMutableRawPointer) {
    unsafe trailer(node).deinitialize(count: 1)
    unsafe _poison(node, byteCount: byteCount)
  }

  /// The element of a node that nobody else knows; frees the node.
  @inlinable
  static func takeBack(_ node: UnsafeMutableRawPointer) -> Element {
    let element = unsafe element(node).move()
    unsafe deinitializeRest(node)
    unsafe node.deallocate()
    return element
  }

  @inlinable
  static var retired: _RetiredNode {
    unsafe _RetiredNode(
      bytes: byteCount, deinitialize: { node in unsafe deinitialize(node.unsafelyUnwrapped) },
      deinitializeRest: { node in unsafe deinitializeRest(node.unsafelyUnwrapped) })
  }
}
