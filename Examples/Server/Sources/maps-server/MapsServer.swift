// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: a `MapsService` in a real server. Many requests read maps, snapshots and
// differences at once, without a lock; streams follow changes, each with one pending difference at
// most, however slow its client is; logs, metrics and shutdown come from the package's traits.
//
// What it leaves out: how much of the memory is resident; TLS, for which there are proxies.

import ArgumentParser
import CJoining
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ProcessMaps
import ReadCopyUpdate
import ServiceLifecycle
import SystemPackage
import VirtualMemory

@main
struct MapsServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "maps-server",
    abstract: "Serve the address spaces of this machine's processes over HTTP.",
    subcommands: [Serve.self, Join.self], defaultSubcommand: Serve.self)
}

/// What the program can't do, as it is printed.
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve maps over HTTP. README.md lists the endpoints.",
    discussion: """
      All processes that this user may read are served, unless --tree, --control-group or \
      --only-joined says otherwise. Ctrl-C or SIGTERM ends all streams and then the server.
      """)

  @Option(help: "The address to listen on (default: 127.0.0.1). Others need --token-file.")
  var host: String = "127.0.0.1"

  @Option(help: "The port to listen on; 0 for any (default: 8080).")
  var port: Int = 8080

  @Option(help: "Listen on this Unix socket instead.")
  var socket: String?

  @Option(help: "A file with the token that each request must carry: Authorization: Bearer TOKEN.")
  var tokenFile: String?

  @Option(help: "Serve this process and its descendants only.")
  var tree: Int32?

  @Option(help: "Serve the processes of this control group only, given by its folder.")
  var controlGroup: String?

  @Flag(help: "Serve only processes that join, by --join-socket.")
  var onlyJoined = false

  @Option(help: "Let processes send the descriptor of their own maps to this Unix socket.")
  var joinSocket: String?

  @Option(help: "Serve an address space made of a maps text as a model: PID=FILE.")
  var model: [String] = []

  @Option(help: "Milliseconds from one reading of a map to the next (default: 1000).")
  var interval: Int = 1000

  @Flag(help: "Let the kernel tell of changes (perf events), as far as it is allowed.")
  var perf = false

  @Option(help: "The most connections at a time (default: 1024).")
  var connections: Int = 1024

  @Option(help: "The most streams at a time (default: 512).")
  var streams: Int = 512

  @Option(help: "Seconds that a client may take to send a request (default: 30).")
  var requestSeconds: Int = 30

  @Option(help: "trace, debug, info, notice, warning, error or critical (default: info).")
  var logLevel: String = "info"

  private static let loopback: Set<String> = ["127.0.0.1", "::1", "localhost"]

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port takes 0 to 65535, not \(port).")
    }
    guard socket != nil || tokenFile != nil || Self.loopback.contains(host) else {
      throw ValidationError(
        "--host \(host) is reached from other machines: --token-file is required.")
    }
    guard (1...3_600_000).contains(interval) else {
      throw ValidationError("--interval takes 1 to 3,600,000 milliseconds, not \(interval).")
    }
    guard [tree != nil, controlGroup != nil, onlyJoined].count(where: { $0 }) <= 1 else {
      throw ValidationError(
        "--tree, --control-group and --only-joined say which processes: give one of them.")
    }
    guard !onlyJoined || joinSocket != nil || !model.isEmpty else {
      throw ValidationError("--only-joined needs a --join-socket.")
    }
    guard (1...1_000_000).contains(connections), (1...1_000_000).contains(streams) else {
      throw ValidationError("--connections and --streams take 1 to 1,000,000.")
    }
    guard (1...3_600).contains(requestSeconds) else {
      throw ValidationError("--request-seconds takes 1 to 3,600, not \(requestSeconds).")
    }
    guard Logger.Level(rawValue: logLevel) != nil else {
      throw ValidationError("--log-level doesn't take “\(logLevel)”.")
    }
    for model in model { _ = try Self.parse(model) }
  }

  private static func parse(_ model: String) throws -> (pid: Int32, file: String) {
    let parts = model.split(separator: "=", maxSplits: 1)
    guard parts.count == 2, let pid = Int32(parts[0]), pid > 0 else {
      throw ValidationError("--model takes a process ID, = and a file, not “\(model)”.")
    }
    return (pid, String(parts[1]))
  }

  func run() async throws {
    var logger = Logger(label: "maps-server")
    logger.logLevel = Logger.Level(rawValue: logLevel)!
    RCU.stallMonitor = .logging(to: logger, threshold: .seconds(5))

    var mirrors = MirrorConfiguration()
    mirrors.interval = .milliseconds(interval)
    // For each process, they take some descriptors for each thread and processor.
    if !perf { mirrors.sources = [.polling] }
    let maps = MapsService(
      mirrors: mirrors, followsForks: perf && !onlyJoined,
      onEvent: MirrorEvent.logging(to: logger))
    for model in model { try add(model, to: maps) }

    var services: [any Service] = [
      RCUService { [logger] end in if !end.isComplete { logger.warning("RCU: \(end)") } }, maps,
    ]
    if let scope {
      services.append(
        Discovery(maps: maps, scope: scope, interval: .seconds(2), logger: logger))
    }
    if let joinSocket {
      do {
        services.append(try JoinSocket(maps, path: joinSocket, logger: logger))
      } catch {
        throw Failure("\(joinSocket): \(error)")
      }
    }
    let routes = MapsRoutes(maps, token: try token(), maximumStreamCount: streams)
    var application = Application(
      router: routes.makeRouter(),
      server: .http1(
        configuration: .init(
          additionalChannelHandlers: [
            ConnectionDeadlines(requestTime: .seconds(Int64(requestSeconds)))
          ],
          httpDecoderConfiguration: .init(
            maxHeaderFieldSize: 64 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 100))),
      configuration: .init(
        address: socket.map { .unixDomainSocket(path: $0) } ?? .hostname(host, port: port),
        availableConnectionsDelegate: MaximumAvailableConnections(connections)),
      onServerRunning: { [logger, socket] channel in
        let address = socket ?? "http://\(channel.localAddress?.description ?? "?")"
        logger.notice("listening", metadata: ["address": .string(address)])
      },
      logger: logger)
    application.addServices(services)
    try await application.runService()
  }

  private var scope: MapsService.DiscoveryScope? {
    if onlyJoined { return nil }
    if let tree { return .tree(of: tree) }
    return controlGroup.map { .controlGroup(FilePath($0)) } ?? .all
  }

  private func add(_ model: String, to maps: MapsService) throws {
    let (pid, file) = try Self.parse(model)
    do {
      let text = try Data(contentsOf: URL(fileURLWithPath: file))
      let imported = try AddressSpace(procMaps: Array(text))
      try maps.add(imported, as: pid)
    } catch {
      throw Failure("\(file): \(error)")
    }
  }

  private func token() throws -> String? {
    guard let tokenFile else { return nil }
    guard let text = try? String(contentsOfFile: tokenFile, encoding: .utf8) else {
      throw Failure("\(tokenFile): can't be read")
    }
    let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard token.utf8.count >= 16, token.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw Failure("\(tokenFile): a token has at least 16 printable ASCII characters")
    }
    return token
  }
}

struct Join: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a server show a process's maps, by sending it the open file.",
    discussion: """
      The server then needs no rights over the process. A process that knows of the server sends \
      the descriptor of its own /proc/self/maps by itself; this is for those that don't.
      """)

  @Option(help: "The server's --join-socket.")
  var socket: String

  @Argument(help: "The process whose maps to send.")
  var pid: Int32

  func run() throws {
    let file: SystemPackage.FileDescriptor
    do {
      file = try SystemPackage.FileDescriptor.open(FilePath("/proc/\(pid)/maps"), .readOnly)
    } catch {
      throw Failure("process \(pid): \(error)")
    }
    let error = joining_send(socket, file.rawValue)
    guard error == 0 else { throw Failure("\(socket): \(Errno(rawValue: error))") }
  }
}
