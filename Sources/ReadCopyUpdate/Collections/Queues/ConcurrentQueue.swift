// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import _RCUShims

/// A first-in first-out queue: any number of producers that never wait, and consumers one at a
/// time.
///
/// ```swift
/// let jobs = ConcurrentQueue<Job>()
/// jobs.enqueue(Job(id: 1))             // from any thread
/// while let job = jobs.dequeue() { job.run() }
/// ```
///
/// It needs no read section and no grace period: an element has one owner, the producer, the queue
/// or the consumer. What is left when the queue goes is destroyed with it.
///
/// **What waits.** A producer exchanges the end of the queue for its node, then links the node to
/// what was the end: two steps, however many others are at work. A consumer that comes to the place
/// between the two steps of a producer yields its processor until the second is done. Consumers
/// exclude one another with a mutex, which no producer takes.
///
/// - Threads: all operations from any thread, in any read section or none.
/// - Source: `wfcqueue`.
@safe
public struct ConcurrentQueue<Element: ~Copyable & Sendable>: ~Copyable {
  @usableFromInline typealias Node = _Node<Element, rcushims_queue_node>

  @usableFromInline let queue: OpaquePointer

  /// Creates an empty queue.
  @inlinable
  public init() {
    guard let queue = unsafe rcushims_queue_new() else {
      fail("ConcurrentQueue: no memory")
    }
    unsafe self.queue = queue
  }

  deinit {
    // Whoever drops the queue has the last access to it.
    while let link = unsafe rcushims_queue_dequeue(queue) { _ = unsafe Node.take(link) }
    unsafe rcushims_queue_destroy(queue)
  }

  /// Adds an element at the end. Wait-free.
  ///
  /// - Memory ordering: a full barrier before. *Pairs with* the acquire of ``dequeue()``: the
  ///   consumer sees the element as its producer left it.
  /// - Complexity: O(1) and one allocation.
  /// - Source: `cds_wfcq_enqueue`.
  @inlinable
  public borrowing func enqueue(_ element: consuming Element) {
    unsafe rcushims_queue_enqueue(queue, Node.allocate(element))
  }

  /// Takes the first element; `nil` if there is none.
  ///
  /// Takes the consumers' mutex. Waits, yielding, for a producer that is between its two steps with
  /// the element that comes first or second.
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

  /// Takes all elements in one step and gives each of them to `body`, in the queue's order.
  ///
  /// What is added meanwhile stays in the queue: this ends, whatever producers do. Other consumers
  /// are not held up while `body` runs.
  ///
  /// - Returns: how many.
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

  /// Moves all elements, in their order, to the end of another queue, in one step.
  ///
  /// - Complexity: O(1).
  /// - Source: `__cds_wfcq_splice_nonblocking`.
  @inlinable
  public borrowing func moveAll(to other: borrowing ConcurrentQueue) {
    guard unsafe queue != other.queue else { return }
    unsafe rcushims_queue_splice(queue, other.queue)
  }

  /// Whether there was no element at some instant of the call. An element whose producer is between
  /// its two steps counts.
  ///
  /// - Memory ordering: none.
  /// - Source: `cds_wfcq_empty`.
  @inlinable
  public var isEmpty: Bool { unsafe rcushims_queue_is_empty(queue) }
}

extension ConcurrentQueue: @unchecked Sendable where Element: ~Copyable {
  // liburcu's queue is made to be shared, and elements are Sendable.
}

extension _Node where Element: ~Copyable, Trailer == rcushims_queue_node {
  /// A node that nobody knows yet, by its link.
  @inlinable
  static func allocate(_ element: consuming Element) -> UnsafeMutablePointer<rcushims_queue_node> {
    unsafe trailer(allocate(element, rcushims_queue_node()))
  }

  /// Moves the element out of a node that was taken out of its queue, and frees the node.
  @inlinable
  static func take(_ link: UnsafeMutablePointer<rcushims_queue_node>) -> Element {
    unsafe takeBack(start(of: link))
  }
}
