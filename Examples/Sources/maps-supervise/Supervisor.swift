// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import CSupervision
import Foundation
import Glibc
import SystemPackage
import VirtualMemory

/// A program that is supervised: whenever it opens a maps file, it gets one of ours.
struct Supervisor {
  private let supervised: supervision
  private let maps: ServedMaps
  /// Told of each file that was answered.
  private let log: (String) -> Void

  /// Starts the program `command[0]`.
  ///
  /// - Throws: the errors of `execvp`; `ENOSYS`, `EINVAL` or `EBUSY` if it can't be supervised.
  init(
    _ command: [String], serving maps: ServedMaps, log: @escaping (String) -> Void
  ) throws(Errno) {
    var supervised = supervision()
    var words = command.map { strdup($0) } + [nil]
    let error = supervision_start(&supervised, &words)
    for word in words { free(word) }
    guard error == 0 else { throw Errno(rawValue: error) }
    self.supervised = supervised
    self.maps = maps
    self.log = log
    // What the terminal sends is for the program, which this one outlives.
    for number in [SIGINT, SIGQUIT] { signal(number, SIG_IGN) }
  }

  /// Answers until the program and all its descendants have ended.
  ///
  /// - Returns: the program's status; 128 and the signal if one ended it.
  func run() -> Int32 {
    var request = supervision_request()
    while true {
      let outcome = supervision_next(supervised.listener, &request)
      guard outcome > 0 else {
        if outcome < 0 { log("the kernel's requests: \(Errno(rawValue: -outcome))") }
        break
      }
      if !answer(request) {
        withUnsafePointer(to: request) { supervision_continue(supervised.listener, $0) }
      }
    }
    close(supervised.listener)
    return supervision_wait(supervised.pid)
  }

  /// Answers a request for a maps file.
  ///
  /// - Returns: whether it has; otherwise it is for the kernel.
  private func answer(_ request: supervision_request) -> Bool {
    var request = request
    guard request.flags & O_ACCMODE == O_RDONLY,
      let path = path(of: &request),
      let pid = ProcPath.process(of: path, from: request.folder, caller: request.thread)
    else { return false }
    let text: MapsBuffer
    do throws(Errno) {
      text = try maps.text(of: pid)
    } catch {
      log("\(path): left to the kernel: \(error)")
      return false
    }
    // There is no memory at all if there is no text.
    let file = text.bytes.withUnsafeBytes { bytes in
      withUnsafePointer(to: 0) { supervision_file(bytes.baseAddress ?? .init($0), bytes.count) }
    }
    guard file >= 0 else {
      log("\(path): left to the kernel: no memory file: \(Errno(rawValue: errno))")
      return false
    }
    defer { close(file) }
    let error = supervision_answer(supervised.listener, &request, file)
    guard error == 0 else {
      log("\(path): left to the kernel: \(Errno(rawValue: error))")
      return false
    }
    let source = maps.isModel(pid) ? "a model" : "a mirror"
    log("\(path): \(text.count) bytes of generation \(text.generation), from \(source)")
    return true
  }

  private func path(of request: inout supervision_request) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard supervision_read_path(supervised.listener, &request, &bytes) == 0 else { return nil }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
