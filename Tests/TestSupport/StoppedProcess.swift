// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Foundation

/// A process that is stopped: its address space stands still.
///
/// What is in its map is up to the program, which is compiled here: nothing depends on what the
/// programs and libraries of a system happen to be.
package final class StoppedProcess {
  private let process = Process()
  private let folder: URL

  package var processID: Int32 { process.processIdentifier }

  package init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("swift-urcu-" + UUID().uuidString, isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let program = folder.path + "/program"
    // One file that has a build ID, whatever the compiler does by default.
    let compiled = try compileC(
      source: Self.source, to: program, flags: ["-Wl,--build-id=sha1"])
    precondition(compiled.status == 0, "StoppedProcess: \(compiled.standardError)")
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = [folder.path]
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let isStopped = waitUntil { !process.isRunning || state == "T" }
    precondition(isStopped && process.isRunning, "StoppedProcess: it doesn't stop")
  }

  deinit {
    kill(processID, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  private var state: Substring? {
    let stat = try? String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
    guard let stat, let end = stat.lastIndex(of: ")") else { return nil }
    return stat[end...].split(separator: " ").dropFirst().first
  }

  /// It has files with long and short names, parts of them with every protection but execution,
  /// private and shared; memory with and without a name, and with holes; a heap. The kernel adds
  /// the program itself and the stack. All in all, the text is some chunks long.
  private static let source = #"""
    #define _GNU_SOURCE
    #include <fcntl.h>
    #include <signal.h>
    #include <stdio.h>
    #include <sys/mman.h>
    #include <sys/prctl.h>
    #include <unistd.h>

    enum { file_count = 20, part_count = 4, page_count = 1024 };

    static long page;
    static char *next;

    static void check(int is_good, const char *what) {
      if (is_good) return;
      perror(what);
      _exit(1);
    }

    // Behind it a page is left of what was there before, or nothing.
    static void put(long pages, int protection, int flags, int file, long first, int leaves_hole) {
      void *result =
          mmap(next, (size_t)(pages * page), protection, flags | MAP_FIXED, file, first * page);
      check(result == next, "mmap");
      next += pages * page;
      if (leaves_hole) check(munmap(next, (size_t)page) == 0, "munmap");
      next += page;
    }

    int main(int count, char **arguments) {
      check(count == 2 && chdir(arguments[1]) == 0, "chdir");
      page = sysconf(_SC_PAGESIZE);
      next = mmap(NULL, (size_t)(page_count * page), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      check(next != MAP_FAILED, "mmap");

      static const int protections[part_count] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE,
                                                  PROT_READ | PROT_WRITE};
      for (int number = 0; number < file_count; number++) {
        char name[256];
        snprintf(name, sizeof name, "%s%0*d", number % 3 == 0 ? "a file " : "", 1 + 8 * number,
                 number);
        int file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        check(file >= 0 && ftruncate(file, 64 * page) == 0, name);
        for (int part = 0; part < part_count; part++)
          put(1 + (number + part) % 3, protections[part], part == 3 ? MAP_SHARED : MAP_PRIVATE,
              file, 5 * part, number % 2);
        close(file);
        // Some files are gone.
        if (number % 5 == 0) check(unlink(name) == 0, "unlink");
      }

      put(3, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 1);
      put(2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0, 1);
      char *named = next;
      put(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, 1);
    #ifdef PR_SET_VMA
      // It stays without a name where the kernel has none for memory.
      (void)prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, named, 2 * page, "some memory");
    #else
      (void)named;
    #endif
      check(sbrk(3 * page) != (void *)-1, "sbrk");
      raise(SIGSTOP);
      return 0;
    }
    """#
}
