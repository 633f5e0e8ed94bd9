// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Child processes that wait before they start their program.

#ifndef SYSTEM_SHIMS_SPAWN_H
#define SYSTEM_SHIMS_SPAWN_H

#include <sys/types.h>

#pragma clang assume_nonnull begin

/// A child process that hasn't started its program yet.
struct sysshims_child {
  pid_t pid;
  /// A byte sent here lets the child start the program; if it is closed instead, the child exits.
  /// The child's answer is its errno if it can't start the program, or the end of the stream.
  int socket;
};

/// Starts a child process, which waits until `sysshims_child_resume` lets it start the program at
/// `path`, with this process's environment if `environment` is NULL. Its standard input, output and
/// error are `streams`, or those of this process where the number is negative. Returns 0 or an
/// errno. Why C: the child of a process with many threads may only make system calls, and Swift
/// code can't promise that.
int sysshims_child_start(struct sysshims_child *child, const char *path,
                         const char *_Nullable const *_Nonnull arguments,
                         const char *_Nullable const *_Nullable environment,
                         const int streams[_Nonnull 3]);

/// Lets the child start its program, and waits until it has, or has failed to. Returns 0, the errno
/// of `execve`, or ESRCH if the child has been killed. Closes the socket. After an error, the child
/// has been reaped.
int sysshims_child_resume(struct sysshims_child *child);

/// Ends a child that hasn't started its program, reaps it, and closes the socket.
void sysshims_child_cancel(struct sysshims_child *child);

#pragma clang assume_nonnull end

#endif
