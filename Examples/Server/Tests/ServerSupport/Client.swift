// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import Testing

/// A connection to a Unix socket that sends and receives plain bytes, so that tests can send what
/// no client should.
package final class Connection: Sendable {
  private let socket: Int32

  /// - Parameter waits: whether to wait until there is room in the queue of the listener.
  package init?(_ path: String, waits: Bool = true) {
    socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    if !waits { _ = fcntl(socket, F_SETFL, O_NONBLOCK) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    // The object is complete, so its end closes the socket.
    guard result == 0 else { return nil }
    if !waits { _ = fcntl(socket, F_SETFL, 0) }
    var time = timeval(tv_sec: 120, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socket) }

  /// - Returns: whether it could be sent.
  @discardableResult
  package func send(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
  }

  /// What is received up to `end`, or to the end of the connection.
  package func receive(until end: String? = nil) -> String {
    var (text, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
    while true {
      if let end, String(decoding: text, as: UTF8.self).contains(end) { break }
      let count = recv(socket, &chunk, chunk.count, 0)
      if count <= 0 { break }
      text += chunk[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// An answer, as it was received.
package struct Answer {
  package let status: Int
  /// By their names in lower case.
  package let headers: [String: String]
  package let body: String

  package init(_ text: String) throws {
    let head = try #require(text.range(of: "\r\n\r\n"), "\(text.prefix(200))")
    let lines = text[..<head.lowerBound].components(separatedBy: "\r\n")
    status = try #require(Int(lines[0].split(separator: " ")[1]))
    headers = Dictionary(
      lines.dropFirst().map { line in
        let parts = line.split(separator: ":", maxSplits: 1)
        return (parts[0].lowercased(), parts[1].trimmingCharacters(in: .whitespaces))
      }
    ) { $1 }
    let body = String(text[head.upperBound...])
    self.body = headers["transfer-encoding"] == "chunked" ? try Self.joined(body) : body
  }

  /// The contents of chunks, of which the last is empty.
  private static func joined(_ text: String) throws -> String {
    var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
    while true {
      let end = try #require(rest.firstIndex(of: 0x0d))
      let count = try #require(Int(String(decoding: rest[..<end], as: UTF8.self), radix: 16))
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += rest[(end + 2)..<(end + 2 + count)]
      rest = rest[(end + 4 + count)...]
    }
  }

  package var json: [String: Any] {
    get throws {
      try #require(JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }
  }
}

/// Asks a server on a Unix socket; each request has a connection of its own.
package struct Client: Sendable {
  package let socket: String

  package init(socket: String) { self.socket = socket }

  /// - Throws: `ETIMEDOUT` if nobody listens for a minute.
  package func connect() throws -> Connection {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if let connection = Connection(socket) { return connection }
      usleep(10_000)
    }
    throw POSIXError(.ETIMEDOUT)
  }

  package func get(_ path: String, _ headers: [String: String] = [:]) throws -> Answer {
    let connection = try connect()
    let lines = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
    let host = headers["Host"] == nil ? "Host: localhost\r\n" : ""
    connection.send("GET \(path) HTTP/1.1\r\n\(host)Connection: close\r\n\(lines)\r\n")
    return try Answer(connection.receive())
  }

  /// The same, on a thread of its own: threads of tasks must not be blocked.
  package func getting(_ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(with: Result { try get(path, headers) })
      }
    }
  }
}
