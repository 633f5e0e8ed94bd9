// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

@testable import ProcessMaps
@testable import VirtualMemory

@Suite(.serialized) struct SuspendedProcessTests {
  private func waitForExit(_ pid: Int32) -> Int32 {
    var status: Int32 = -1
    while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
  }

  /// What is read from `file` until its end.
  private func contents(_ file: FileDescriptor) throws -> String {
    var (text, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while case let count = try unsafe chunk.withUnsafeMutableBytes({
      unsafe try file.read(into: $0)
    }),
      count > 0
    {
      text += chunk[..<count]
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// All that the program does is told of, from the mapping of its interpreter on.
  @Test(arguments: MirrorSource.allCases)
  func programsAreFollowedFromTheirStart(_ source: MirrorSource) async throws {
    let child = try SuspendedProcess(
      "/bin/sh", arguments: ["-c", "exec sleep 1000"],
      configuration: MirrorSources.configuration(source))
    let mirror = child.mirror
    #expect(mirror.pid == child.pid && mirror.state == .live)
    guard MirrorSources.isAvailable(source, mirror) else { return }
    let run = Task { try await mirror.run() }
    let pid = try child.resume()
    #expect(
      await eventually {
        mirror.space.snapshot().contains { $0.nameString.hasSuffix("/sleep") }
          && (try? KernelMaps(pid: pid).text()) == mirror.space.mapsText().array
      })
    kill(pid, SIGKILL)
    #expect(waitForExit(pid) & 0x7f == SIGKILL)
    try await run.value
    #expect(mirror.state == .exited)
  }

  @Test func argumentsVariablesAndStreams() throws {
    let pipe = try FileDescriptor.pipe()
    defer { try? pipe.readEnd.close() }
    let script = "echo \"$0 $1 $NAME ${HOME-none}\"; echo wrong >&2; kill -0 $$; exit 7"
    let child = try SuspendedProcess(
      "/bin/sh", arguments: ["-c", script, "zero", "one"], environment: ["NAME=value"],
      input: pipe.readEnd, output: pipe.writeEnd, error: pipe.writeEnd)
    let pid = try child.resume()
    try pipe.writeEnd.close()
    #expect(try contents(pipe.readEnd) == "zero one value none\nwrong\n")
    #expect(waitForExit(pid) == 7 << 8)
  }

  /// Descriptors that are closed on exec don't reach the program, nor do this library's own.
  @Test func nothingIsInherited() throws {
    func links(_ folder: String) -> Set<String> {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      return Set(
        names.compactMap {
          try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")
        })
    }
    let pipe = try FileDescriptor.pipe()
    defer { try? pipe.readEnd.close() }
    let own = try FileDescriptor.open(FilePath("/dev/null"), .readOnly, options: .closeOnExec)
    defer { try? own.close() }
    let before = links("/proc/self/fd")
    let child = try SuspendedProcess("/bin/sleep", arguments: ["1000"], output: pipe.writeEnd)
    let pid = try child.resume()
    try pipe.writeEnd.close()
    let inherited = links("/proc/\(pid)/fd")
    #expect(inherited.filter { $0.hasPrefix("socket:") }.isSubset(of: before))
    let same = try? FileManager.default.destinationOfSymbolicLink(
      atPath: "/proc/\(pid)/fd/\(own.rawValue)")
    #expect(same != "/dev/null")
    kill(pid, SIGKILL)
    _ = waitForExit(pid)
    #expect(try contents(pipe.readEnd) == "", "nobody else has it")
  }

  @Test func whatCantBeStarted() throws {
    let missing = try SuspendedProcess("/nonexistent")
    let (mirror, pid) = (missing.mirror, missing.pid)
    var error = Self.errorOfResuming(missing)
    #expect(error == .noSuchFileOrDirectory)
    #expect(mirror.state == .exited)
    let reaped = waitpid(pid, nil, WNOHANG)
    #expect(reaped == -1, "it has been reaped already")
    error = Self.errorOfResuming(try SuspendedProcess("/dev/null"))
    #expect(error == .permissionDenied)
    #expect(throws: Errno.invalidArgument) {
      _ = try SuspendedProcess("/bin/sh", arguments: ["a\0b"])
    }
    #expect(throws: Errno.invalidArgument) {
      _ = try SuspendedProcess("/bin/sh", environment: ["a\0=b"])
    }
    for number in [-1, 12345] as [Int32] {
      let closed = FileDescriptor(rawValue: number)
      #expect(throws: Errno.badFileDescriptor) {
        _ = try SuspendedProcess("/bin/sh", output: closed)
      }
    }
  }

  private static func errorOfResuming(_ child: consuming SuspendedProcess) -> Errno? {
    do throws(Errno) { try child.resume() } catch { return error }
    return nil
  }

  /// One that is never resumed is gone with its value.
  @Test func droppedChildrenAreReaped() throws {
    var pid: Int32 = 0
    do {
      let child = try SuspendedProcess("/bin/sh")
      pid = child.pid
      #expect(kill(pid, 0) == 0)
    }
    #expect(kill(pid, 0) == -1)
  }

  @Test func killedChildren() throws {
    let child = try SuspendedProcess("/bin/sh")
    kill(child.pid, SIGKILL)
    var information = unsafe siginfo_t()
    let isGone = unsafe waitid(P_PID, id_t(child.pid), &information, WEXITED | WNOWAIT) == 0
    #expect(isGone)
    let error = Self.errorOfResuming(child)
    #expect(error == .noSuchProcess)
  }

  /// A handler of this process must not run in the child, and what it ignores stays ignored.
  @Test func signalsAreThoseOfANewProgram() throws {
    let old = signal(SIGUSR2) { _ in abort() }
    let ignored = signal(SIGURG, SIG_IGN)
    defer {
      _ = signal(SIGUSR2, old)
      _ = signal(SIGURG, ignored)
    }
    let pipe = try FileDescriptor.pipe()
    defer { try? pipe.readEnd.close() }
    let child = try SuspendedProcess(
      "/bin/sh", arguments: ["-c", "kill -URG $$; exec grep SigBlk /proc/self/status"],
      output: pipe.writeEnd)
    let pid = try child.resume()
    try pipe.writeEnd.close()
    let blocked = try contents(pipe.readEnd)
    #expect(blocked == "SigBlk:\t0000000000000000\n")
    #expect(waitForExit(pid) == 0)
  }
}
