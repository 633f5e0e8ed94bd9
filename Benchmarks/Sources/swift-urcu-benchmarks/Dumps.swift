// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import ProcessMaps
import VirtualMemory

/// Making the text.
enum Dumps {
  static let title = "Dump, 10,000 VMAs"

  static func group(_ effort: Effort) throws -> Group {
    let world = try MappedWorld()
    let kernel = "kernel, reads of 4 KiB"
    let reader = DumpReader(world)
    func loop(
      _ name: String, _ meaning: String, _ body: @escaping (Int) throws -> Int
    ) -> Subject {
      .loop(
        name, against: name == kernel ? nil : kernel, meaning: meaning, effort: effort,
        iteration: Double(world.lineCount), body)
    }
    return Group(
      title: title,
      subjects: [
        loop(kernel, "one line of /proc/self/maps") { try reader.readKernel(4 << 10, $0) },
        loop("kernel, reads of 64 KiB", "one line of /proc/self/maps") {
          try reader.readKernel(64 << 10, $0)
        },
        loop("snapshot, whole", "one line, into a buffer that is used again") {
          reader.dumpWhole($0)
        },
        loop("snapshot, chunks", "one line, by chunks of at most 4,095 bytes") {
          reader.dumpChunks(.snapshot, $0)
        },
        loop("locked, chunks", "one line, by chunks of at most 4,095 bytes") {
          reader.dumpChunks(.locked, $0)
        },
        loop("speculative, chunks", "one line, by chunks of at most 4,095 bytes") {
          reader.dumpChunks(.speculative, $0)
        },
      ]
    ) { try reader.check() }
  }
}

private final class DumpReader {
  private let world: MappedWorld
  private var buffer = MapsBuffer()
  private let kernelBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: 64 << 10, alignment: 4096)

  init(_ world: MappedWorld) { self.world = world }

  deinit { kernelBuffer.deallocate() }

  /// Bytes of `count` dumps.
  @inline(never)
  func dumpWhole(_ count: Int) -> Int {
    var bytes = 0
    for _ in 0..<count {
      world.space.dump(into: &buffer)
      bytes += buffer.count
    }
    return bytes
  }

  @inline(never)
  func dumpChunks(_ strategy: ReadingStrategy, _ count: Int) -> Int {
    var bytes = 0
    var reader = MapsReader(world.space, strategy: strategy)
    for _ in 0..<count {
      reader.rewind()
      while let chunk = reader.withNextChunk({ $0.count }) { bytes += chunk }
    }
    return bytes
  }

  @inline(never)
  func readKernel(_ byteCount: Int, _ count: Int) throws -> Int {
    let buffer = UnsafeMutableRawBufferPointer(rebasing: kernelBuffer[0..<byteCount])
    var bytes = 0
    for _ in 0..<count { bytes += try readKernelOnce(buffer) }
    return bytes
  }

  private func readKernelOnce(_ buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    try world.kernel.rewind()
    var bytes = 0
    var count = try world.kernel.read(into: buffer)
    while count > 0 {
      bytes += count
      count = try world.kernel.read(into: buffer)
    }
    return bytes
  }

  /// The region's lines are the kernel's.
  func check() throws {
    let kernel = try MappedWorld.regionLines(MappedWorld.text(world.kernel))
    let store = try MappedWorld.regionLines(world.space.maps().array)
    guard kernel.map(\.range) == store.map(\.range) else {
      fail("the address space and the kernel have different VMAs", code: 70)
    }
  }
}

extension ProcMapsLine {
  var range: Range<UInt64> { start..<end }
}
