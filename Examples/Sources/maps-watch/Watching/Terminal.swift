// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Dispatch
import Foundation

/// Standard output as a terminal, which is taken for a while and given back as it was.
struct Terminal: Sendable {
  struct Size: Hashable, Sendable {
    var columns: Int
    var rows: Int
  }

  /// Whether standard output can show a picture that changes.
  static var isUsable: Bool {
    isatty(STDOUT_FILENO) == 1 && !["", "dumb"].contains(environment("TERM"))
  }

  /// Whether colours are wanted: see https://no-color.org.
  static var hasColors: Bool { isUsable && environment("NO_COLOR").isEmpty }

  private static func environment(_ name: String) -> String {
    ProcessInfo.processInfo.environment[name] ?? ""
  }

  /// The size of the terminal, or what is usual where it has none.
  static var size: Size {
    var size = winsize()
    let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0
    return Size(
      columns: isKnown && size.ws_col > 0 ? Int(size.ws_col) : 80,
      rows: isKnown && size.ws_row > 0 ? Int(size.ws_row) : 24)
  }

  // MARK: Screen

  /// Begins an alternate screen, without a cursor and without a new line at the right margin.
  static func enter() { write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l\u{1b}[2J") }

  /// Gives the terminal back.
  static func leave() { write("\u{1b}[0m\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l") }

  /// Replaces what the screen shows.
  static func show(_ lines: [Line], _ size: Size) {
    var text = "\u{1b}[H"
    for (index, line) in lines.prefix(size.rows).enumerated() {
      if index > 0 { text += "\r\n" }
      text += line.text(hasColors: hasColors, columns: size.columns) + "\u{1b}[K"
    }
    write(text + "\u{1b}[J")
  }

  /// Writes all of a text to standard output; ends the program if that fails.
  static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        fail("cannot write to standard output: \(String(cString: strerror(errno)))")
      }
      bytes.removeFirst(count)
    }
  }

  // MARK: Signals

  /// Calls `handler` with the number of each of these signals that comes, instead of what the
  /// system would do.
  ///
  /// - Returns: what must live as long as signals are to be handled.
  static func handle(
    _ signals: [Int32], _ handler: @escaping @Sendable (Int32) -> Void
  ) -> [any DispatchSourceSignal] {
    signals.map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { handler(number) }
      source.resume()
      return source
    }
  }

  /// Stops the program, as Ctrl-Z does where it isn't handled.
  static func suspend() { kill(getpid(), SIGSTOP) }
}

/// Ends the program with a message on standard error.
func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("maps-watch: \(message)\n".utf8))
  exit(1)
}
