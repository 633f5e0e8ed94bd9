// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import ServerSupport
import Testing

/// The program as its users run it, on a Unix socket.
@Suite(.serialized) struct MapsServerProgramTests {
  @Test func servesThisMachine() throws {
    let server = try ServerProgram("maps-server")
    let own = getpid()
    var answer = try server.get("/processes/\(own)/maps")
    for _ in 0..<600 where answer.status != 200 {
      usleep(100_000)
      answer = try server.get("/processes/\(own)/maps")
    }
    #expect(answer.status == 200 && answer.body.contains("[stack]"))
    #expect(try server.get("/processes").body.contains("\"pid\":\(own),"))
    #expect(try server.get("/metrics").body.contains("maps_process_mappings{pid=\"\(own)\"}"))
    #expect(server.end() == 0)
  }

  /// A page of another site, whose name leads here, asks in vain.
  @Test func otherHostsAreRefused() throws {
    let server = try ServerProgram(
      "maps-server",
      [
        "--only-joined", "--join-socket", "/tmp/join-\(UUID().uuidString)",
      ])
    for host in ["evil.example", "evil.example:8080", "localhost.evil.example", "", "[::2]"] {
      #expect(try server.client.get("/processes", ["Host": host]).status == 403, "\(host)")
    }
    for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
      #expect(try server.client.get("/processes", ["Host": host]).status == 200, "\(host)")
    }
  }

  @Test func streamsEndWithTheServer() throws {
    let server = try ServerProgram("maps-server")
    let connection = try server.connect()
    connection.send("GET /changes HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(connection.receive(until: "event: processes").contains("text/event-stream"))
    #expect(server.end() == 0)
    #expect(connection.receive().hasSuffix("0\r\n\r\n"), "a whole answer")
  }

  @Test func processesJoin() throws {
    let path = "/tmp/join-\(UUID().uuidString)"
    let server = try ServerProgram("maps-server", ["--only-joined", "--join-socket", path])
    _ = try server.get("/healthz")
    #expect(try server.get("/processes").body.contains("\"processes\":[]"))
    let own = getpid()
    func join(_ pid: pid_t) throws -> Int32 {
      let arguments = ["join", "--socket", path, "\(pid)"]
      return try ServerProgram("maps-server", arguments, usesSocket: false).waitForEnd()
    }
    #expect(try join(own) == 0)
    #expect(try server.get("/processes/\(own)/maps").body.contains("[stack]"))
    #expect(try join(own) != 0, "it is there already")
    #expect(server.end() == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// Clients that waste connections, or send what no client should.
  @Test func brokenClients() throws {
    let server = try ServerProgram(
      "maps-server",
      [
        "--only-joined", "--join-socket", "/tmp/join-\(UUID().uuidString)", "--connections", "300",
        "--request-seconds", "60",
      ])
    _ = try server.get("/healthz")
    let before = server.residentBytes
    // Half-open: a head that never ends.
    var halfOpen: [Connection] = []
    for _ in 0..<200 {
      let connection = try server.connect()
      connection.send("GET /processes HTTP/1.1\r\nHost: loc")
      halfOpen.append(connection)
    }
    // Endless headers.
    let endless = try server.connect()
    endless.send("GET / HTTP/1.1\r\nHost: localhost\r\n")
    var sent = 0
    let start = ContinuousClock.now
    while sent < 64 << 20,
      endless.send("X-Header-\(sent): \(String(repeating: "x", count: 1_000))\r\n")
    {
      sent += 1_000
    }
    // By what it sent, long before the time for a request is over, and it isn't read to that end.
    #expect(sent < 8 << 20 && ContinuousClock.now - start < .seconds(30), "it was cut off")
    for text in [
      "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ] {
      let connection = try server.connect()
      connection.send(text)
      #expect(!connection.receive(until: "\r\n").hasPrefix("HTTP/1.1 200"))
    }
    let long = try server.connect()
    long.send("GET /\(String(repeating: "x", count: 1 << 20)) HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(!long.receive(until: "\r\n").hasPrefix("HTTP/1.1 200"))
    #expect(try server.get("/healthz").body == "ok\n")
    #expect(server.residentBytes - before < 64 << 20)
    _ = halfOpen
  }

  /// More connections than the server takes, all at once: the others wait or are turned away, and
  /// the server is there for the next one when they are gone.
  @Test func tenThousandConnections() throws {
    let server = try ServerProgram(
      "maps-server",
      ["--only-joined", "--join-socket", "/tmp/join-\(UUID().uuidString)", "--connections", "300"])
    _ = try server.get("/healthz")
    let before = server.residentBytes
    var held: [Connection] = []
    for _ in 0..<10_000 {
      if let connection = Connection(server.socket, waits: false) { held.append(connection) }
    }
    #expect(held.count >= 300 && held.count < 10_000)
    for connection in held { connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n") }
    usleep(200_000)
    #expect(server.residentBytes - before < 64 << 20)
    held = []
    #expect(try server.get("/healthz").body == "ok\n")
    #expect(server.end() == 0)
  }

  @Test func badArguments() throws {
    for (arguments, text) in [
      (["--host", "0.0.0.0"], "--token-file is required"),
      (["--port", "70000"], "--port takes 0 to 65535, not 70000."),
      (["--tree", "1", "--only-joined", "--join-socket", "x"], "give one of them"),
      (["--only-joined"], "needs a --join-socket"),
      (["--interval", "0"], "1 to 3,600,000"),
      (["--log-level", "loud"], "“loud”"),
      (["--model", "x"], "--model takes"),
      (["--model", "5=/nonexistent"], "/nonexistent"),
      (["--token-file", "/dev/null"], "can't be read"),
      (["--token-file", "/proc/self/comm"], "at least 16"),
    ] {
      let server = try ServerProgram("maps-server", arguments, usesSocket: false)
      #expect(server.waitForEnd() != 0)
      #expect(server.output.contains(text), "\(arguments): \(server.output)")
    }
  }
}
