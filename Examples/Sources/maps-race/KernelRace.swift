// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation

/// One run on the kernel: a process that maps and unmaps, and processes that read its
/// `/proc/PID/maps` and query it.
struct KernelRace {
  let settings: RaceSettings
  /// How many mappings the mapper has besides the region and what every process has.
  let fillerCount: Int

  func run() throws -> RunOutcome {
    let mapper = try Role("kernel-mapper", KernelRoleArguments(settings, fillerCount: fillerCount))
    guard let ready = mapper.readLine(), let target = KernelTarget(line: ready) else {
      fail("the mapper process didn't start", code: 71)
    }
    var readers: [(Role, isScanner: Bool)] = []
    for index in 0..<settings.scanners {
      let arguments = KernelRoleArguments(settings, index: index, target: target)
      readers.append((try Role("kernel-scanner", arguments), true))
    }
    for index in 0..<settings.queriers {
      let arguments = KernelRoleArguments(
        settings, index: settings.scanners + index, target: target)
      readers.append((try Role("kernel-querier", arguments), false))
    }
    for (reader, _) in readers where reader.readLine() == nil {
      fail("a reader process didn't start", code: 71)
    }
    for (reader, _) in readers { reader.send("go") }
    mapper.send("go")

    var outcome = RunOutcome()
    guard let line = mapper.readLine(),
      let measured = try? JSONDecoder().decode(RunOutcome.self, from: Data(line.utf8))
    else { fail("the mapper process gave no result", code: 71) }
    outcome.latencies = measured.latencies
    outcome.seconds = measured.seconds
    for (reader, isScanner) in readers {
      reader.send("stop")
      guard let line = reader.readLine() else { fail("a reader gave no result", code: 71) }
      if let count = Int(line) {
        if isScanner { outcome.dumpCount += count } else { outcome.queryCount += count }
      } else {
        let parts = line.components(separatedBy: "\t")
        throw DumpViolation(
          rule: parts[0], before: parts.count > 1 ? parts[1] : "",
          after: parts.count > 2 ? parts[2] : "")
      }
    }
    mapper.send("end")
    for (reader, _) in readers { reader.wait() }
    mapper.wait()
    return outcome
  }
}

/// What a reader has to know of the mapper's process.
struct KernelTarget: Codable {
  var pid: Int32
  /// The region's first address; a page before it and one behind it stay mapped.
  var region: UInt64
  /// The filler mappings: this many single pages from here.
  var filler: UInt64
  var fillerCount: Int

  init(pid: Int32, region: UInt64, filler: UInt64, fillerCount: Int) {
    self.pid = pid
    self.region = region
    self.filler = filler
    self.fillerCount = fillerCount
  }

  init?(line: String) {
    guard let value = try? JSONDecoder().decode(Self.self, from: Data(line.utf8)) else {
      return nil
    }
    self = value
  }

  /// What is mapped all the time, in order.
  var always: [Range<UInt64>] {
    var ranges = (0..<UInt64(fillerCount)).map { filler + $0 * 4096..<filler + ($0 + 1) * 4096 }
    ranges.append(region - 4096..<region)
    ranges.append(region + RaceRegion.bytes..<region + RaceRegion.bytes + 4096)
    return ranges.sorted { $0.lowerBound < $1.lowerBound }
  }
}

/// The arguments of a process of the race, as one word of JSON.
struct KernelRoleArguments: Codable {
  var settings: RaceSettings
  var index = 0
  var fillerCount = 0
  var target: KernelTarget?

  init(
    _ settings: RaceSettings, index: Int = 0, fillerCount: Int = 0, target: KernelTarget? = nil
  ) {
    self.settings = settings
    self.index = index
    self.fillerCount = fillerCount
    self.target = target
  }

  func encoded() -> String {
    guard let data = try? JSONEncoder().encode(self) else { fail("arguments", code: 70) }
    return String(decoding: data, as: UTF8.self)
  }
}

/// Another process of this program, spoken to by lines.
private struct Role {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()

  init(_ name: String, _ arguments: KernelRoleArguments) throws {
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [name, arguments.encoded()]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  func send(_ line: String) {
    try? input.fileHandleForWriting.write(contentsOf: Data("\(line)\n".utf8))
  }

  /// The next line, or `nil` at the end of the output.
  func readLine() -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while read(output.fileHandleForReading.fileDescriptor, &byte, 1) == 1 {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return nil
  }

  func wait() { process.waitUntilExit() }
}
