// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CJoining
import Foundation
import Logging
import ProcessMaps
import ServiceLifecycle
import Synchronization
import SystemPackage

/// Runs `body`, which blocks, on a thread of its own.
private func onThread<R: Sendable>(_ body: @escaping @Sendable () -> R) async -> R {
  await withCheckedContinuation { continuation in
    Thread.detachNewThread { continuation.resume(returning: body()) }
  }
}

/// Attaches to processes that appear.
struct Discovery: Service {
  let maps: MapsService
  let scope: MapsService.DiscoveryScope
  let interval: Duration
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      // Which are refused is said once, not each time.
      var refused: Set<Int32> = []
      repeat {
        let (maps, scope) = (maps, scope)
        let result = await onThread { Result { try maps.discover(scope) } }
        switch result {
        case .success(let found):
          if !found.attached.isEmpty {
            logger.debug("attached", metadata: ["count": .stringConvertible(found.attached.count)])
          }
          let new = Set(found.refused.keys).subtracting(refused)
          if !new.isEmpty {
            logger.info(
              "processes that may not be read", metadata: ["count": .stringConvertible(new.count)])
          }
          refused = Set(found.refused.keys)
        case .failure(let error):
          logger.warning("can't look for processes", metadata: ["error": .string("\(error)")])
        }
      } while (try? await Task.sleep(for: interval)) != nil
    }
  }
}

/// Takes descriptors of maps from processes that send their own, over a Unix socket.
final class JoinSocket: Service {
  private let maps: MapsService
  private let path: String
  private let logger: Logger
  private let listener: Int32
  private let stop: (read: FileDescriptor, write: FileDescriptor)

  /// - Throws: the errors of creating the socket; `EADDRINUSE` if somebody listens there.
  init(_ maps: MapsService, path: String, logger: Logger) throws {
    self.maps = maps
    self.path = path
    self.logger = logger
    listener = joining_listen(path)
    guard listener >= 0 else { throw Errno(rawValue: errno) }
    let ends = try FileDescriptor.pipe()
    stop = (ends.readEnd, ends.writeEnd)
  }

  deinit {
    close(listener)
    try? stop.read.close()
    try? stop.write.close()
    unlink(path)
  }

  func run() async throws {
    await withTaskCancellationOrGracefulShutdownHandler {
      await onThread { self.work() }
    } onCancelOrGracefulShutdown: {
      _ = try? self.stop.write.writeAll([0])
    }
  }

  /// The process whose maps file `descriptor` is, if it is one of this machine's `/proc`.
  private static func process(of descriptor: Int32) -> Int32? {
    let path = try? FileManager.default.destinationOfSymbolicLink(
      atPath: "/proc/self/fd/\(descriptor)")
    return path?.wholeMatch(of: /\/proc\/([0-9]+)(\/task\/[0-9]+)?\/maps/).flatMap { Int32($0.1) }
  }

  private func work() {
    while true {
      var (pid, connection): (pid_t, Int32) = (0, -1)
      let descriptor = joining_accept(listener, stop.read.rawValue, &pid, &connection)
      if descriptor == -2 { return }
      var isJoined = false
      if descriptor >= 0 {
        // Whose file it is; its sender may be another process, which has been given it.
        let pid = Self.process(of: descriptor) ?? pid
        do throws(Errno) {
          try maps.attach(adopting: FileDescriptor(rawValue: descriptor), as: pid)
          isJoined = true
        } catch {
          logger.info(
            "a process couldn't join",
            metadata: ["pid": .stringConvertible(pid), "error": .string("\(error)")])
        }
      }
      joining_answer(connection, isJoined ? 1 : 0)
    }
  }
}
