// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What it shows: `config-reload` of the other examples as a service would have it. A routing table
// and feature flags are read by each request of a real server, and replaced under load: on SIGHUP,
// and when their file changes. The same server can keep them behind a `Mutex` or in an actor, to
// find out what that costs; README.md has the figures.

import ArgumentParser
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import ReadCopyUpdate
import ServiceLifecycle

@main
struct ConfigServer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config-server",
    abstract: "Serve texts by a configuration that is replaced while requests read it.",
    discussion: """
      The file is JSON: {"version": 1, "routes": {"/": "hello"}, "features": {"dark": 0.5}}. The \
      header X-User of a request says whose features it has. SIGHUP reloads the file, and so does \
      a change of it; Ctrl-C or SIGTERM ends the server when its requests are answered.
      """)

  enum Store: String, ExpressibleByArgument, CaseIterable {
    case rcu
    case mutex
    case actor
  }

  @Argument(help: "The configuration.")
  var file: String

  @Option(help: "The port to listen on, on the loopback interface; 0 for any (default: 8081).")
  var port: Int = 8081

  @Option(help: "Listen on this Unix socket instead.")
  var socket: String?

  @Option(help: "Where the configuration is kept: rcu, mutex or actor (default: rcu).")
  var store: Store = .rcu

  func validate() throws {
    guard (0...65_535).contains(port) else {
      throw ValidationError("--port takes 0 to 65535, not \(port).")
    }
  }

  func run() async throws {
    let logger = Logger(label: "config-server")
    RCU.stallMonitor = .logging(to: logger, threshold: .seconds(5))
    let first = try Configuration(contentsOf: file)
    let store: any ConfigurationStore =
      switch store {
      case .rcu: RCUStore(first)
      case .mutex: MutexStore(first)
      case .actor: ActorStore(first)
      }
    let router = Router()
    @Sendable func answer(_ request: Request) async throws -> String {
      let user = request.headers[HTTPField.Name("X-User")!] ?? ""
      guard let answer = await store.answer(request.uri.path, user: user) else {
        throw HTTPError(.notFound)
      }
      return answer
    }
    router.get("**") { request, _ in try await answer(request) }
    router.get("/") { request, _ in try await answer(request) }
    var application = Application(
      router: router,
      configuration: .init(
        address: socket.map { .unixDomainSocket(path: $0) } ?? .hostname("127.0.0.1", port: port)),
      logger: logger)
    application.addServices(
      RCUService(),
      Reloader(store: store, file: file, interval: .milliseconds(500), logger: logger))
    try await application.runService()
  }
}
