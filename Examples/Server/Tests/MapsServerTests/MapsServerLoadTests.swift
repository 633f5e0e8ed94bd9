// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ServerSupport
import Synchronization
import Testing

/// Many readers of texts and of changes, while the process that they read changes all the time.
///
/// SWIFT_URCU_LOAD_READERS, 60 by default, is their number, half of each kind;
/// SWIFT_URCU_LOAD_SECONDS, 2 by default, is for how long. Prints what it cost; checks no time.
@Suite(.serialized) struct MapsServerLoadTests {
  private static func setting(_ name: String, _ usual: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
  }

  @Test func manyReadersOfAProcessThatChanges() throws {
    let readerCount = Self.setting("SWIFT_URCU_LOAD_READERS", 60)
    let seconds = Self.setting("SWIFT_URCU_LOAD_SECONDS", 2)
    let target = ChangingMemory()
    let own = ProcessInfo.processInfo.processIdentifier
    target.run(for: .seconds(1))
    let alone = target.latencies()
    let server = try ServerProgram(
      "maps-server",
      [
        "--tree", "\(own)", "--interval", "5", "--connections", "\(readerCount * 2 + 16)",
        "--streams", "\(readerCount)",
      ])
    while try server.get("/processes/\(own)/maps").status != 200 { usleep(20_000) }
    let before = server.residentBytes
    target.start()

    let faults = Locked<[String]>([])
    let textCount = Atomic(0)
    let streams = Locked<[String]>([])
    let isStopped = Atomic(false)
    let (textReaders, streamReaders) = (DispatchGroup(), DispatchGroup())
    func reader(_ finished: DispatchGroup, _ body: @escaping @Sendable () throws -> Void) {
      finished.enter()
      let thread = Thread {
        do { try body() } catch { faults.withLock { $0.append("\(error)") } }
        finished.leave()
      }
      thread.stackSize = 256 << 10
      thread.start()
    }
    let client = server.client
    for _ in 0..<readerCount / 2 {
      reader(textReaders) {
        while !isStopped.load(ordering: .relaxed) {
          let answer = try client.get("/processes/\(own)/maps")
          let fault = answer.status == 200 ? target.fault(in: answer.body) : "\(answer.status)"
          if let fault { faults.withLock { $0.append(fault) } }
          textCount.add(1, ordering: .relaxed)
        }
      }
      reader(streamReaders) {
        let connection = try client.connect()
        connection.send("GET /processes/\(own)/changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let text = connection.receive()
        streams.withLock { $0.append(text) }
      }
    }
    sleep(UInt32(seconds))
    let during = server.residentBytes
    isStopped.store(true, ordering: .relaxed)
    textReaders.wait()
    // Streams end whole.
    #expect(server.end() == 0)
    streamReaders.wait()
    target.stop()
    let beside = target.latencies()

    var eventCount = 0
    let texts = streams.withLock { $0 }
    #expect(texts.count == readerCount / 2)
    for text in texts { eventCount += try Self.checkChain(text) }
    let found = faults.withLock { $0 }
    #expect(found.isEmpty, "\(found.count): \(found.prefix(3))")
    #expect(textCount.load(ordering: .relaxed) > 0 && eventCount > texts.count)
    print(
      """
      \(readerCount) readers, \(seconds) s: \(textCount.load(ordering: .relaxed)) texts, \
      \(eventCount) events; the server \(before >> 20) MB before, \(during >> 20) MB during; \
      mprotect in the target: \(alone) alone, \(beside) beside them
      """)
  }

  /// - Returns: the number of events, each of which begins where the one before it ended.
  private static func checkChain(_ text: String) throws -> Int {
    let body = try Answer(text).body
    var (generation, count): (UInt64?, Int) = (nil, 0)
    for block in body.components(separatedBy: "\n\n") {
      guard let line = block.split(separator: "\n").first(where: { $0.hasPrefix("data: ") }) else {
        continue
      }
      let data = try #require(
        JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any])
      if block.contains("event: state") {
        #expect(generation == nil)
        generation = data["generation"] as? UInt64
      } else if block.contains("event: changes") {
        #expect(data["from"] as? UInt64 == generation)
        generation = data["to"] as? UInt64
      }
      count += 1
    }
    return count
  }
}

/// Memory of this process whose middle is protected and unprotected, over and over: at each
/// instant it is one mapping, or three.
private final class ChangingMemory: Sendable {
  private static let pageCount = 64
  private let start: UInt
  private let length = ChangingMemory.pageCount * 4096
  private let isStopped = Atomic(false)
  private let finished = DispatchGroup()
  private let times = Locked<[UInt64]>([])

  init() {
    let memory = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    precondition(memory != MAP_FAILED)
    // Of its own, whatever is mapped beside it.
    mprotect(memory, 4096, PROT_NONE)
    mprotect(memory + length - 4096, 4096, PROT_NONE)
    start = UInt(bitPattern: memory) + 4096
  }

  private var end: UInt { start + UInt(length - 2 * 4096) }

  func start(after pause: UInt32 = 500) {
    isStopped.store(false, ordering: .relaxed)
    times.withLock { $0 = [] }
    finished.enter()
    Thread { [self] in
      let middle = UnsafeMutableRawPointer(bitPattern: start + UInt(length / 4))!
      var own: [UInt64] = []
      var isProtected = false
      while !isStopped.load(ordering: .relaxed) {
        isProtected.toggle()
        let begin = DispatchTime.now().uptimeNanoseconds
        mprotect(middle, 16 * 4096, isProtected ? PROT_READ : PROT_READ | PROT_WRITE)
        own.append(DispatchTime.now().uptimeNanoseconds - begin)
        usleep(pause)
      }
      times.withLock { $0 = own }
      finished.leave()
    }.start()
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    finished.wait()
  }

  func run(for time: Duration) {
    start()
    usleep(UInt32(time / .microseconds(1)))
    stop()
  }

  /// The median and the 99th percentile of the calls, in microseconds.
  func latencies() -> String {
    let sorted = times.withLock { $0.sorted() }
    guard !sorted.isEmpty else { return "nothing" }
    func at(_ share: Double) -> String {
      String(format: "%.1f", Double(sorted[Int(Double(sorted.count - 1) * share)]) / 1000)
    }
    return "median \(at(0.5)), 99th percentile \(at(0.99)) µs"
  }

  /// What is wrong with a text: mappings out of order, or not those of one instant.
  func fault(in text: String) -> String? {
    var (last, parts): (UInt, [String]) = (0, [])
    var covered = start
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
      let bounds = fields.first?.split(separator: "-").compactMap { UInt($0, radix: 16) } ?? []
      guard fields.count >= 5, bounds.count == 2, last <= bounds[0], bounds[0] < bounds[1] else {
        return "“\(line)” after \(String(last, radix: 16))"
      }
      last = bounds[1]
      guard bounds[0] < end && bounds[1] > start else { continue }
      guard bounds[0] == covered else { return "a gap before “\(line)”" }
      covered = bounds[1]
      parts.append(String(fields[1]))
    }
    let isRight = parts == ["rw-p"] || parts == ["rw-p", "r--p", "rw-p"]
    return covered == end && isRight ? nil : "no instant has \(parts)"
  }
}

/// A value under a lock.
private final class Locked<Value>: @unchecked Sendable {
  private var value: Value
  private let lock = NSLock()

  init(_ value: Value) { self.value = value }

  func withLock<R>(_ body: (inout Value) -> R) -> R { lock.withLock { body(&value) } }
}
