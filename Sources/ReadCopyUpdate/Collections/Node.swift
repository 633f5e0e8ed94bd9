// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The allocation behind an element of a collection. It starts with the element, as
/// ``RCUDomain/Retired`` requires, followed by what the collection stores with it.
@usableFromInline
enum _Node<Element: ~Copyable, Trailer: ~Copyable> {
  @inlinable
  static var trailerOffset: Int {
    let mask = MemoryLayout<Trailer>.alignment - 1
    return (MemoryLayout<Element>.size + mask) & ~mask
  }

  @inlinable
  static var byteCount: Int { trailerOffset + MemoryLayout<Trailer>.size }

  /// Allocates a node that isn't published yet.
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

  /// The node that has this trailer.
  @inlinable
  @inline(__always)
  static func start(of trailer: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    unsafe trailer - trailerOffset
  }

  /// Destroys the contents of a node that nobody can reach any more, but doesn't free it.
  @inlinable
  static func deinitialize(_ node: UnsafeMutableRawPointer) {
    unsafe element(node).deinitialize(count: 1)
    unsafe deinitializeRest(node)
  }

  /// Destroys what is left after the element has been moved out.
  @inlinable
  static func deinitializeRest(_ node: UnsafeMutableRawPointer) {
    unsafe trailer(node).deinitialize(count: 1)
    unsafe _poison(node, byteCount: byteCount)
  }

  /// Takes the element out of a node that only this thread has, and frees the node.
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
