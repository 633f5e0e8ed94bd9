// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// A first-in first-out queue with any number of producers, which never wait, and with consumers
/// that exclude one another.
///
/// ```swift
/// let jobs = ConcurrentQueue<Job>()
/// jobs.enqueue(Job(id: 1))             // from any thread
/// while let job = jobs.dequeue() { job.run() }
/// ```
///
/// It needs no read sections and no grace periods, since an element has one owner at a time: the
/// producer, the queue or the consumer. The elements that are left when the queue is destroyed are
/// destroyed with it.
///
/// **What waits.** A producer first exchanges the end of the queue for its node, and then links the
/// previous end to the node: two steps, however many other threads are active. A consumer that
/// arrives between these steps yields its processor until the second one is done. Consumers exclude
/// one another with a mutex, which producers don't take.
///
/// - Threads: all operations may be called on any thread, inside any read section or none.
/// - Source: `wfcqueue`.
@safe
public struct ConcurrentQueue<Element: ~Copyable & Sendable>: ~Copyable {
  @usableFromInline typealias Node = _Node<Element, rcushims_queue_node>

  @usableFromInline let queue: OpaquePointer

  /// Creates an empty queue.
  ///
  /// - Complexity: O(1), and one allocation.
  @inlinable
  public init() {
    guard let queue = unsafe rcushims_queue_new() else {
      fail("ConcurrentQueue: no memory")
    }
    unsafe self.queue = queue
  }

  deinit {
    // This is the last access to the queue.
    while let link = unsafe rcushims_queue_dequeue(queue) { _ = unsafe Node.take(link) }
    unsafe rcushims_queue_destroy(queue)
  }

  /// Adds an element at the end. Wait-free.
  ///
  /// - Memory ordering: a full barrier before the insertion. *Pairs with* the acquire of
  ///   ``dequeue()``: the consumer sees the element as its producer left it.
  /// - Complexity: O(1) and one allocation.
  /// - Source: `cds_wfcq_enqueue`.
  @inlinable
  public borrowing func enqueue(_ element: consuming Element) {
    unsafe rcushims_queue_enqueue(queue, Node.allocate(element))
  }

  /// Removes and returns the first element; `nil` if there is none.
  ///
  /// Takes the consumers' mutex. Yields the processor while a producer is between its two steps
  /// with one of the first two elements.
  ///
  /// - Memory ordering: acquiring. *Pairs with* ``enqueue(_:)``.
  /// - Complexity: O(1).
  /// - Source: `__cds_wfcq_dequeue_nonblocking` under the queue's lock: `cds_wfcq_dequeue_blocking`
  ///   would sleep for 10 ms.
  @inlinable
  public borrowing func dequeue() -> Element? {
    guard let link = unsafe rcushims_queue_dequeue(queue) else { return nil }
    return unsafe Node.take(link)
  }

  /// Removes all elements in one step, and passes each of them to `body`, in queue order.
  ///
  /// Elements that are added meanwhile stay in the queue, so this call ends, whatever producers do.
  /// It doesn't hold up other consumers while `body` runs.
  ///
  /// - Returns: the number of removed elements.
  /// - Memory ordering: as ``dequeue()``.
  /// - Complexity: O(elements), and one allocation.
  /// - Source: `__cds_wfcq_splice_nonblocking`.
  @inlinable
  @discardableResult
  public borrowing func dequeueAll(_ body: (consuming Element) -> Void) -> Int {
    let batch = ConcurrentQueue()
    moveAll(to: batch)
    var count = 0
    while let element = batch.dequeue() {
      count += 1
      body(element)
    }
    return count
  }

  /// Moves all elements to the end of another queue, in order and in one step.
  ///
  /// - Memory ordering: as ``enqueue(_:)``.
  /// - Complexity: O(1).
  /// - Source: `__cds_wfcq_splice_nonblocking`.
  @inlinable
  public borrowing func moveAll(to other: borrowing ConcurrentQueue) {
    guard unsafe queue != other.queue else { return }
    unsafe rcushims_queue_splice(queue, other.queue)
  }

  /// Whether the queue was empty at some moment during the call. An element whose producer is
  /// between its two steps counts as present.
  ///
  /// - Memory ordering: none.
  /// - Complexity: O(1).
  /// - Source: `cds_wfcq_empty`.
  @inlinable
  public var isEmpty: Bool { unsafe rcushims_queue_is_empty(queue) }
}

extension ConcurrentQueue: @unchecked Sendable where Element: ~Copyable {
  // Safety: liburcu's queue is made for sharing, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == rcushims_queue_node {
  /// Allocates a node that isn't in a queue yet, and returns the address of its link.
  @inlinable
  static func allocate(_ element: consuming Element) -> UnsafeMutablePointer<rcushims_queue_node> {
    unsafe trailer(allocate(element, rcushims_queue_node()))
  }

  /// Moves the element out of a node that has left its queue, and frees the node.
  @inlinable
  static func take(_ link: UnsafeMutablePointer<rcushims_queue_node>) -> Element {
    unsafe takeBack(start(of: link))
  }
}
