// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import Synchronization
import Testing

/// A headless Chromium, driven over two pipes: messages are JSON and end with a zero byte.
final class Browser {
  private let process: pid_t
  private let profile: String
  private let commands: Int32
  private let reader: Reader
  private var lastNumber = 0
  private var session: String?

  /// What the page's console has said, as far as it is a warning or worse.
  var complaints: [String] { reader.complaints }

  /// The path of Chromium; `nil` if there is none.
  static var path: String? {
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].first {
      FileManager.default.isExecutableFile(atPath: $0)
    }
  }

  init(width: Int = 1280, height: Int = 900) throws {
    let path = try #require(Self.path)
    profile =
      FileManager.default.temporaryDirectory
      .appendingPathComponent("maps-server-browser-\(UUID().uuidString.prefix(8))").path
    var (toBrowser, fromBrowser) = (
      [Int32](repeating: 0, count: 2), [Int32](repeating: 0, count: 2)
    )
    let errors = (pipe(&toBrowser), pipe(&fromBrowser))
    try #require(errors == (0, 0))
    for end in [toBrowser[1], fromBrowser[0]] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // The browser's own numbers are 3 and 4: these must be others.
    let input = fcntl(toBrowser[0], F_DUPFD_CLOEXEC, 10)
    let output = fcntl(fromBrowser[1], F_DUPFD_CLOEXEC, 10)
    close(toBrowser[0])
    close(fromBrowser[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in 0...2 as ClosedRange<Int32> {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, input, 3)
    posix_spawn_file_actions_adddup2(&actions, output, 4)
    let strings = [
      path, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
      "--user-data-dir=\(profile)", "--no-first-run", "--disable-extensions",
      "--disable-background-networking", "--disable-dev-shm-usage",
      "--window-size=\(width),\(height)", "about:blank",
    ]
    var words: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var child: pid_t = 0
    try #require(posix_spawn(&child, path, &actions, nil, &words, environ) == 0)
    close(input)
    close(output)
    process = child
    commands = toBrowser[1]
    reader = Reader(fromBrowser[0])
    let target = try send("Target.createTarget", ["url": "about:blank"])["targetId"] as? String
    let attached = try send(
      "Target.attachToTarget", ["targetId": try #require(target), "flatten": true])
    session = attached["sessionId"] as? String
    for domain in ["Page", "Runtime", "Log"] { try send("\(domain).enable") }
    try setSize(width, height)
  }

  deinit {
    close(commands)
    kill(process, SIGKILL)
    waitpid(process, nil, 0)
    try? FileManager.default.removeItem(atPath: profile)
  }

  // MARK: Messages

  @discardableResult
  private func send(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
    lastNumber += 1
    var message: [String: Any] = ["id": lastNumber, "method": method, "params": parameters]
    message["sessionId"] = session
    var bytes = [UInt8](try JSONSerialization.data(withJSONObject: message)) + [0]
    while !bytes.isEmpty {
      let count = write(commands, bytes, bytes.count)
      try #require(count > 0, "the browser has ended")
      bytes.removeFirst(count)
    }
    let answer = try #require(reader.answer(lastNumber), "\(method): no answer")
    try #require(answer["error"] == nil, "\(method): \(answer)")
    return answer["result"] as? [String: Any] ?? [:]
  }

  private final class Reader: Sendable {
    private struct State {
      var answers: [Int: Data] = [:]
      var complaints: [String] = []
      var isOver = false
    }

    private let state = Mutex(State())
    var complaints: [String] { state.withLock { $0.complaints } }

    init(_ descriptor: Int32) {
      Thread.detachNewThread { [self] in
        var (rest, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 65_536))
        while case let count = read(descriptor, &chunk, chunk.count), count > 0 {
          rest += chunk[..<count]
          while let end = rest.firstIndex(of: 0) {
            receive(Data(rest[..<end]))
            rest.removeSubrange(...end)
          }
        }
        close(descriptor)
        state.withLock { $0.isOver = true }
      }
    }

    private func receive(_ data: Data) {
      guard let object = try? JSONSerialization.jsonObject(with: data),
        let message = object as? [String: Any]
      else { return }
      if let number = message["id"] as? Int {
        state.withLock { $0.answers[number] = data }
        return
      }
      let parameters = message["params"] as? [String: Any] ?? [:]
      switch message["method"] as? String {
      case "Runtime.exceptionThrown":
        state.withLock { $0.complaints.append("\(parameters)") }
      case "Runtime.consoleAPICalled"
      where ["error", "warning"].contains(parameters["type"] as? String):
        state.withLock { $0.complaints.append("\(parameters["args"] ?? "")") }
      case "Log.entryAdded":
        let entry = parameters["entry"] as? [String: Any] ?? [:]
        if ["error", "warning"].contains(entry["level"] as? String) {
          state.withLock { $0.complaints.append("\(entry)") }
        }
      default: break
      }
    }

    func answer(_ number: Int) -> [String: Any]? {
      let end = ContinuousClock.now + .seconds(120)
      while ContinuousClock.now < end {
        let (data, isOver) = state.withLock { ($0.answers.removeValue(forKey: number), $0.isOver) }
        if let data { return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] }
        if isOver { return nil }
        usleep(2_000)
      }
      return nil
    }
  }

  // MARK: What tests do

  func setSize(_ width: Int, _ height: Int) throws {
    try send(
      "Emulation.setDeviceMetricsOverride",
      ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": false])
  }

  func open(_ url: String) throws { try send("Page.navigate", ["url": url]) }

  /// The value of an expression.
  func value(_ expression: String) throws -> Any? {
    let answer = try send(
      "Runtime.evaluate", ["expression": expression, "returnByValue": true, "awaitPromise": true])
    return (answer["result"] as? [String: Any])?["value"]
  }

  /// Waits until an expression is true.
  func wait(
    for expression: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let end = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < end {
      if try value("!!(\(expression))") as? Bool == true { return }
      usleep(50_000)
    }
    Issue.record("never: \(expression); \(complaints)", sourceLocation: sourceLocation)
    throw POSIXError(.ETIMEDOUT)
  }

  /// A picture of the page, if somebody wants to look at it: in the folder that the environment
  /// variable MAPS_SERVER_SCREENSHOTS names.
  func takePicture(_ name: String) throws {
    guard let folder = ProcessInfo.processInfo.environment["MAPS_SERVER_SCREENSHOTS"] else {
      return
    }
    let answer = try send("Page.captureScreenshot", ["format": "png"])
    let data = Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    try data.write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
  }
}
