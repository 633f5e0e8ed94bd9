// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import ProcessMaps
import SystemPackage
import VirtualMemory

/// The maps that answer for the kernel's: models that were read from files, and mirrors of all
/// other processes, which are attached when somebody asks.
struct ServedMaps {
  private let service: MapsService
  private var models: [Int32: AddressSpace] = [:]

  init() {
    // A text is read when somebody asks for it: nothing needs to tell of changes.
    var configuration = MirrorConfiguration()
    configuration.sources = [.polling]
    service = MapsService(mirrors: configuration)
  }

  /// Makes an address space of a text like that of `/proc/PID/maps`, which answers for `pid`.
  ///
  /// - Throws: the errors of reading the file, or the first line that no kernel would have printed.
  mutating func addModel(_ pid: Int32, file: String) throws {
    let text = try Data(contentsOf: URL(fileURLWithPath: file))
    models[pid] = try AddressSpace(procMaps: Array(text))
  }

  /// Whether a model answers for a process.
  func isModel(_ pid: Int32) -> Bool { models[pid] != nil }

  /// A process's text, of one instant.
  ///
  /// - Throws: `ESRCH` or the like if the process has ended; `EACCES` if it may not be read.
  func text(of pid: Int32) throws(Errno) -> MapsBuffer {
    if let model = models[pid] { return model.mapsText() }
    let mirror = try mirror(of: pid)
    guard try mirror.refresh().state != .exited else {
      try service.detach(pid)
      throw .noSuchProcess
    }
    return mirror.space.mapsText()
  }

  private func mirror(of pid: Int32) throws(Errno) -> ProcessMirror {
    do throws(Errno) {
      if let mirror = try service.mirror(of: pid) { return mirror }
    } catch {
      guard error == .noSuchProcess else { throw error }
    }
    return try service.attach(pid)
  }
}
