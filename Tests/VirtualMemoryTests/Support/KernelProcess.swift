// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import SystemPackage
import TestSupport

@testable import VirtualMemory

/// A process of a program that does nothing but what its script says: the kernel's side of what can't
/// be done in the tests' own process, the break and `fork`.
struct KernelProcess {
  /// One step of a script.
  enum Step: Sendable {
    /// Anonymous memory only, at fixed addresses.
    case operation(SpaceOperation)
    /// The script goes on in a child.
    case fork
    /// The lines that intersect a range.
    case dump(Range<UInt64>)
    /// Moves the break to so many bytes from where it was at the start.
    case setBreak(Int64)
    /// ``operation(_:)`` and ``dump(_:)``, with addresses counted from there.
    case heapOperation(SpaceOperation)
    case heapDump(Range<UInt64>)

    fileprivate var isDump: Bool {
      switch self {
      case .dump, .heapDump: true
      default: false
      }
    }
  }

  /// What a script did.
  struct Outcome {
    /// The break at the start.
    var programBreak: UInt64
    /// The last VMA below it: the program's own data, at a random distance. What grows down keeps away from it,
    /// and if there is no distance, memory merges with it.
    var below: Range<UInt64>
    /// Per step: of a dump its lines, else one word.
    var results: [[String]]
  }

  private let directory: String

  /// Compiles the program and runs `body` with it. Where there is no C compiler, or the kernel moves
  /// memory otherwise than the model does though `movesMemory`, it says so instead.
  static func with(
    movesMemory: Bool = false, _ body: (KernelProcess) throws -> Void
  ) throws {
    try withTemporaryDirectory { directory in
      let compiled = try compileC(source: source, to: directory + "/program")
      guard compiled.status == 0 else {
        precondition(compiled.status == 127, compiled.standardError)
        print("skipped: \(compiled.standardError)")
        return
      }
      let process = KernelProcess(directory: directory)
      if movesMemory, try !process.movesMemoryAsTheModel() {
        let release = try String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)
        print("skipped: Linux \(release.dropLast()) moves memory otherwise than 6.17 and 6.18 do")
        return
      }
      try body(process)
    }
  }

  /// Whether several VMAs are moved at once, as from Linux 6.17 on, and one that stays where it is moved
  /// from merges with its copy, as in no kernel from 7.2 on.
  private func movesMemoryAsTheModel() throws -> Bool {
    let (start, page): (UInt64, UInt64) = (0x10_0000_0000, 4096)
    let flags: RemapFlags = [.mayMove, .fixed]
    func map(_ at: UInt64, _ pages: UInt64, _ protection: Protection) -> Step {
      .operation(
        .map(at, length: pages * page, protection, [.private, .fixed], file: nil, offset: 0))
    }
    let steps: [Step] = [
      map(start, 2, [.read, .write]), map(start + 2 * page, 1, .read),
      .operation(.remap(start, length: 3 * page, to: 3 * page, flags, at: start + 16 * page)),
      map(start, 1, []),
      .operation(
        .remap(start, length: page, to: page, flags.union(.dontUnmap), at: start + page)),
      .dump(start..<start + 32 * page),
    ]
    var space = AddressSpace()
    return try run(steps).results == steps.map { $0.perform(on: &space, programBreak: 0) }
  }

  func run(_ steps: [Step]) throws -> Outcome {
    let script = directory + "/script"
    try steps.map { $0.line + "\n" }.joined()
      .write(toFile: script, atomically: false, encoding: .utf8)
    let result = try runProcess(directory + "/program", [script])
    precondition(
      result.status == 0, "KernelProcess: status \(result.status): \(result.standardError)")
    var lines = result.standardOutput.split(separator: "\n").map(String.init)[...]
    let programBreak = UInt64(lines.removeFirst(), radix: 16)!
    let startBelow = UInt64(lines.removeFirst(), radix: 16)!
    let endBelow = UInt64(lines.removeFirst(), radix: 16)!
    let results = steps.map { step -> [String] in
      guard step.isDump else { return [lines.popFirst() ?? "nothing"] }
      let dumped = Array(lines.prefix { $0 != "." })
      lines = lines.dropFirst(dumped.count + 1)
      return dumped
    }
    return Outcome(
      programBreak: programBreak, below: startBelow..<endBelow, results: results)
  }
}

extension KernelProcess.Step {
  /// What a model does; `space` becomes the child's after a fork.
  func perform(on space: inout AddressSpace, programBreak: UInt64) -> [String] {
    switch self {
    case .operation(let operation):
      let outcome = operation.perform(on: space)
      // Writes are made by the kernel for the process: it gives EFAULT for either signal.
      if case .touch = operation, outcome.error != 0 { return ["ERR 14"] }
      return [outcome.error == 0 ? String(outcome.value, radix: 16) : "ERR \(outcome.error)"]
    case .fork:
      space = space.fork()
      return ["0"]
    case .setBreak(let offset):
      return [String(space.setBreak(programBreak &+ UInt64(bitPattern: offset)), radix: 16)]
    case .dump(let range):
      return space.mapsText().string.split(separator: "\n").map(String.init).filter { line in
        let line = MapsLine(line)
        return line.end > range.lowerBound && line.start < range.upperBound
      }
    case .heapOperation(let operation):
      return Self.operation(operation.moved(by: programBreak))
        .perform(on: &space, programBreak: programBreak)
    case .heapDump(let range):
      return Self.dump(range.lowerBound + programBreak..<range.upperBound + programBreak)
        .perform(on: &space, programBreak: programBreak)
    }
  }

  fileprivate var line: String {
    func line(_ letter: Character, _ numbers: UInt64...) -> String {
      "\(letter) " + numbers.map { String($0, radix: 16) }.joined(separator: " ")
    }
    switch self {
    case .fork: return "f"
    case .setBreak(let offset): return line("b", UInt64(bitPattern: offset))
    case .dump(let range): return line("d", range.lowerBound, range.upperBound)
    case .heapDump(let range): return line("D", range.lowerBound, range.upperBound)
    case .heapOperation(let operation):
      // An upper-case letter says so.
      let line = Self.operation(operation).line
      return line.prefix(1).uppercased() + line.dropFirst()
    case .operation(let operation):
      switch operation {
      case .map(let address, let length, let protection, let flags, nil, _):
        let flags = flags.union([.anonymous, .fixed])
        return line("m", address, length, UInt64(protection.rawValue), flags.rawValue)
      case .unmap(let address, let length): return line("u", address, length)
      case .protect(let address, let length, let protection):
        return line("p", address, length, UInt64(protection.rawValue))
      case .remap(let address, let length, let newLength, let flags, let target):
        return line("r", address, length, newLength, flags.rawValue, target)
      case .advise(let address, let length, let advice):
        return line("a", address, length, UInt64(advice.rawValue))
      case .lock(let address, let length, let onFault):
        return line("l", address, length, onFault ? 1 : 0)
      case .unlock(let address, let length): return line("n", address, length)
      case .touch(let address): return line("t", address)
      case .map, .setName, .setBreak, .exec:
        preconditionFailure("KernelProcess: the program can't do \(operation)")
      }
    }
  }
}

extension SpaceOperation {
  /// The same at addresses that are `distance` higher.
  fileprivate func moved(by distance: UInt64) -> Self {
    switch self {
    case .map(let address, let length, let protection, let flags, let file, let offset):
      .map(
        address + distance, length: length, protection, flags, file: file, offset: offset)
    case .unmap(let address, let length): .unmap(address + distance, length: length)
    case .protect(let address, let length, let protection):
      .protect(address + distance, length: length, protection)
    case .remap(let address, let length, let newLength, let flags, let target):
      .remap(
        address + distance, length: length, to: newLength, flags, at: target + distance)
    case .advise(let address, let length, let advice):
      .advise(address + distance, length: length, advice)
    case .lock(let address, let length, let onFault):
      .lock(address + distance, length: length, onFault: onFault)
    case .unlock(let address, let length): .unlock(address + distance, length: length)
    case .touch(let address): .touch(address + distance)
    case .setName(let address, let length, let name):
      .setName(address + distance, length: length, name: name)
    case .setBreak(let address): .setBreak(address + distance)
    case .exec: .exec
    }
  }
}

// MARK: - The program

extension KernelProcess {
  /// It never allocates: nothing but the script changes its map.
  fileprivate static let source = #"""
    #define _GNU_SOURCE
    #include <errno.h>
    #include <fcntl.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <sys/wait.h>
    #include <unistd.h>

    static char script[1 << 20], maps[1 << 16], line[256];
    static int zeros;

    static void put(const char *text, size_t count) {
      while (count > 0) {
        ssize_t done = write(1, text, count);
        if (done <= 0) _exit(3);
        text += done;
        count -= (size_t)done;
      }
    }

    static void put_number(const char *prefix, uint64_t number, unsigned base) {
      char digits[32];
      size_t first = sizeof digits;
      digits[--first] = '\n';
      do digits[--first] = "0123456789abcdef"[number % base]; while (number /= base);
      put(prefix, strlen(prefix));
      put(digits + first, sizeof digits - first);
    }

    static void answer(long result) {
      if (result == -1) put_number("ERR ", (uint64_t)errno, 10);
      else put_number("", (uint64_t)result, 16);
    }

    static size_t read_maps(void) {
      int file = open("/proc/self/maps", O_RDONLY);
      if (file < 0) _exit(4);
      size_t used = 0;
      ssize_t done;
      while ((done = read(file, maps + used, sizeof maps - used)) > 0) used += (size_t)done;
      close(file);
      return used;
    }

    static void put_below(uint64_t limit) {
      size_t used = read_maps();
      uint64_t start = 0, found = 0;
      for (char *at = maps; at < maps + used;) {
        char *end = memchr(at, '\n', (size_t)(maps + used - at)), *rest;
        if (!end) _exit(5);
        uint64_t first = strtoull(at, &rest, 16), stop = strtoull(rest + 1, NULL, 16);
        if (stop <= limit && stop > found) start = first, found = stop;
        at = end + 1;
      }
      put_number("", start, 16);
      put_number("", found, 16);
    }

    static void dump(uint64_t low, uint64_t high) {
      size_t used = read_maps();
      for (char *at = maps; at < maps + used;) {
        char *end = memchr(at, '\n', (size_t)(maps + used - at)), *rest;
        if (!end) _exit(5);
        uint64_t start = strtoull(at, &rest, 16), stop = strtoull(rest + 1, NULL, 16);
        if (stop > low && start < high) put(at, (size_t)(end + 1 - at));
        at = end + 1;
      }
      put(".\n", 2);
    }

    static void become_child(void) {
      pid_t child = fork();
      if (child < 0) _exit(6);
      if (child == 0) return answer(0);
      int status;
      if (waitpid(child, &status, 0) != child) _exit(7);
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 8);
    }

    static void perform(char kind, const uint64_t *n, uint64_t program_break) {
      switch (kind) {
      case 'm': return answer(syscall(SYS_mmap, n[0], n[1], n[2], n[3], -1L, 0L));
      case 'u': return answer(syscall(SYS_munmap, n[0], n[1]));
      case 'p': return answer(syscall(SYS_mprotect, n[0], n[1], n[2]));
      case 'r': return answer(syscall(SYS_mremap, n[0], n[1], n[2], n[3], n[4]));
      case 'a': return answer(syscall(SYS_madvise, n[0], n[1], n[2]));
      case 'l': return answer(syscall(SYS_mlock2, n[0], n[1], n[2]));
      case 'n': return answer(syscall(SYS_munlock, n[0], n[1]));
      case 't': return answer(syscall(SYS_read, zeros, n[0], 1L) == 1 ? 0 : -1);
      case 'b': return answer(syscall(SYS_brk, program_break + n[0]));
      case 'd': return dump(n[0], n[1]);
      case 'f': return become_child();
      default: _exit(9);
      }
    }

    int main(int count, char **arguments) {
      uint64_t program_break = (uint64_t)syscall(SYS_brk, 0L);
      int file = count == 2 ? open(arguments[1], O_RDONLY) : -1;
      zeros = open("/dev/zero", O_RDONLY);
      if (file < 0 || zeros < 0) return 1;
      ssize_t size = 0, done;
      while ((done = read(file, script + size, sizeof script - 1 - (size_t)size)) > 0) size += done;
      put_number("", program_break, 16);
      put_below(program_break);
      for (char *at = script; *at;) {
        char *end = strchr(at, '\n');
        if (!end || (size_t)(end - at) >= sizeof line) return 2;
        memcpy(line, at, (size_t)(end - at));
        line[end - at] = 0;
        uint64_t numbers[5] = {0};
        char *rest = line + 1;
        for (int index = 0; index < 5 && *rest; index++) numbers[index] = strtoull(rest, &rest, 16);
        char kind = line[0];
        if (kind >= 'A' && kind <= 'Z') {
          // Addresses are counted from the break.
          kind += 'a' - 'A';
          numbers[0] += program_break;
          if (kind == 'r') numbers[4] += program_break;
          if (kind == 'd') numbers[1] += program_break;
        }
        perform(kind, numbers, program_break);
        at = end + 1;
      }
      return 0;
    }
    """#
}
