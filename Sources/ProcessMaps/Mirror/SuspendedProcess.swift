// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import Glibc
public import SystemPackage
internal import _SystemShims

/// A child process that has a mirror before it starts its program, so that the mirror's source
/// misses nothing that the program does.
///
/// ```swift
/// let child = try SuspendedProcess("/usr/bin/python3", arguments: ["server.py"])
/// let mirror = child.mirror
/// async let work: Void = mirror.run()
/// let pid = try child.resume()                    // starts the program
/// ```
///
/// A mirror that attaches to a running process may find threads that it can't watch, or has to read
/// the text again because of calls that had begun before. Here, all threads inherit the events of
/// the first.
///
/// If it is dropped without ``resume()``, the child exits without having started the program.
///
/// - Threads: any; it belongs to one at a time.
public struct SuspendedProcess: ~Copyable {
  /// The mirror of the child. Until ``resume()``, it shows the memory of the calling process, of
  /// which the child is a copy.
  public let mirror: ProcessMirror
  /// The child's pid.
  public var pid: Int32 { child.pid }
  private var child: sysshims_child
  /// Whether the child still waits.
  private var isSuspended = true

  /// Starts a child process, which waits, and attaches a mirror to it.
  ///
  /// The child inherits the working directory, ignored signals, and the descriptors that aren't
  /// closed on `exec`. The program starts with no signal blocked, whatever the calling thread
  /// blocks. No fork handlers run.
  ///
  /// - Parameters:
  ///   - program: the path of the program. It isn't searched for in `PATH`.
  ///   - arguments: the arguments, without the program's name.
  ///   - environment: the variables, each as `NAME=value`; `nil` for those of this process.
  ///   - input: the child's standard input; `nil` for that of this process.
  ///   - output: the child's standard output; `nil` for that of this process.
  ///   - error: the child's standard error; `nil` for that of this process.
  ///   - configuration: how the mirror follows the process.
  ///   - onEvent: as for ``ProcessMirror/init(pid:configuration:onEvent:)``.
  /// - Throws: `EAGAIN` or `ENOMEM` if no process can be started; `EMFILE`; `EBADF` if `input`,
  ///   `output` or `error` isn't open; `EINVAL` if an argument or a variable contains a zero byte;
  ///   the errors of ``ProcessMirror/init(pid:configuration:onEvent:)``.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: a fork, which copies the page tables of the calling process, and an attachment.
  public init(
    _ program: FilePath, arguments: [String] = [], environment: [String]? = nil,
    input: FileDescriptor? = nil, output: FileDescriptor? = nil, error: FileDescriptor? = nil,
    configuration: MirrorConfiguration = MirrorConfiguration(),
    onEvent: @escaping @Sendable (MirrorEvent) -> Void = { _ in }
  ) throws(Errno) {
    let strings = arguments + (environment ?? [])
    guard !strings.contains(where: { $0.utf8.contains(0) }) else { throw .invalidArgument }
    var child = sysshims_child()
    var streams: [Int32] = []
    for stream in [input, output, error] {
      guard stream?.rawValue ?? 0 >= 0 else { throw .badFileDescriptor }
      streams.append(stream?.rawValue ?? -1)
    }
    let code = unsafe program.withPlatformString { path in
      unsafe Self.withStrings([program.string] + arguments) { arguments in
        guard let environment else {
          return unsafe sysshims_child_start(&child, path, arguments, nil, streams)
        }
        return unsafe Self.withStrings(environment) { environment in
          unsafe sysshims_child_start(&child, path, arguments, environment, streams)
        }
      }
    }
    guard code == 0 else { throw Errno(rawValue: code) }
    do throws(Errno) {
      mirror = try ProcessMirror(
        pid: child.pid, configuration: configuration, onEvent: onEvent)
    } catch {
      unsafe sysshims_child_cancel(&child)
      throw error
    }
    self.child = child
  }

  deinit {
    guard isSuspended else { return }
    var child = child
    unsafe sysshims_child_cancel(&child)
  }

  /// Lets the child start the program, and waits until it has. The mirror then shows the program.
  ///
  /// - Returns: the pid of the child. It is a child like any other: the caller has to reap it, with
  ///   `waitpid`.
  /// - Throws: the errors of `execve`, such as `ENOENT` and `EACCES`; `ESRCH` if the child has been
  ///   killed. The child has been reaped then, and the mirror's state is
  ///   ``MirrorState/exited``.
  /// - Threads: any, but not in a signal handler.
  /// - Complexity: the start of a program, and a refresh.
  @discardableResult
  public consuming func resume() throws(Errno) -> Int32 {
    isSuspended = false
    let error = unsafe sysshims_child_resume(&child)
    // If the text can't be read now, a later refresh tries again; answers tell how old they are.
    _ = try? mirror.refresh()
    guard error == 0 else { throw Errno(rawValue: error) }
    return child.pid
  }

  /// Calls `body` with a list of C strings that ends with a null pointer.
  private static func withStrings<R>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
  ) -> R {
    let copies = unsafe strings.map { unsafe strdup($0) }
    defer { unsafe copies.forEach { unsafe free($0) } }
    let list = unsafe copies.map { unsafe UnsafePointer($0) } + [nil]
    return unsafe list.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
  }
}
