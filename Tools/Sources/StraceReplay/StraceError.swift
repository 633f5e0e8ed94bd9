// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// What is wrong with the text of a ``StraceTrace``, or with a map that goes with it.
public struct StraceError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The line, from 1.
  public var line: Int
  /// What stands there, with what isn't UTF-8 replaced.
  public var value: String
  /// The rule that it breaks.
  public var rule: Rule

  public init(line: Int, value: String, rule: Rule) {
    self.line = line
    self.value = value
    self.rule = rule
  }

  /// The rules of the format, as far as a replay depends on them.
  public enum Rule: Sendable, Hashable {
    /// Lines of several processes start with their numbers.
    case processNumbers
    /// Processes are 64-bit ones, of the machine's own kind.
    case nativeMode
    /// A line is a system call, the end of one, a signal, or an end of a process.
    case call
    /// A call that is resumed was left unfinished before, by the same process.
    case unfinished
    /// A process finishes one call before it starts the next.
    case oneCall
    /// The arguments are in parentheses, with brackets and quotes closed.
    case arguments
    /// A call has so many arguments.
    case argumentCount(Int)
    /// After the arguments comes `= RESULT`: a number, `?`, or `-1` and an error.
    case result
    /// A number has decimal digits, or `0x` and hexadecimal digits, or is `NULL`.
    case number
    /// A number has at most 64 bits.
    case numberSize
    /// Flags are names that Linux has, or numbers, joined by `|`.
    case flags(meaning: String)
    /// A descriptor whose file is mapped is shown with the file's path.
    case descriptor
    /// A text between quotes is whole.
    case string
    /// A map that belongs to an `execve` is what a kernel prints.
    case map(String)
    /// What a recording says of the machine is something that the format knows.
    case machine
  }

  public var description: String { "line \(line): “\(value)”: \(rule)" }
}

extension StraceError.Rule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .processNumbers:
      "a line must start with the number of the process: write the trace with strace -f -o FILE"
    case .nativeMode: "only 64-bit processes can be replayed"
    case .call:
      "a line must be a system call, a signal (--- … ---), or the end of a process (+++ … +++)"
    case .unfinished: "a call that is resumed must have been left unfinished by this process"
    case .oneCall: "a process must finish its call before it starts another"
    case .arguments: "a call's arguments must stand in parentheses, with brackets and quotes closed"
    case .argumentCount(let count): "this call must have at least \(count) arguments"
    case .result: "a call must end in = and a number, ? or -1 and the error"
    case .number: "must be a number: decimal digits, 0x and hexadecimal digits, or NULL"
    case .numberSize: "a number must be less than 2^64"
    case .flags(let meaning): "must be \(meaning) of Linux on x86-64, or a number"
    case .descriptor: "a mapped file must be shown with its path: write the trace with strace -y"
    case .string: "must be a text in quotes, not shortened"
    case .machine: "what is said of the machine must be execute-only-keys"
    case .map(let problem): "the process's map must be as /proc/PID/maps has it: \(problem)"
    }
  }
}
