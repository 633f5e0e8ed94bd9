// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// seccomp's notifications of system calls: their structures have no place in Swift's Glibc module,
// and the child between fork and exec may only make system calls.

#ifndef SUPERVISION_H
#define SUPERVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// A process of which the kernel tells before it opens a file.
struct supervision {
  pid_t pid;
  /// Readable when a process asks; hangs up when all have ended.
  int listener;
};

/// One call of `open` or `openat` that waits for an answer.
struct supervision_request {
  uint64_t id;
  /// The thread that calls.
  pid_t thread;
  /// The folder that a relative path starts from, or AT_FDCWD.
  int folder;
  /// Where the thread has the path.
  uint64_t path;
  /// The flags of `open`.
  int flags;
};

/// Starts the program `arguments[0]`, found in PATH, as a child that is supervised, with all its
/// descendants. Returns 0 or an errno: ENOSYS or EINVAL if the kernel has no such notifications
/// (before Linux 5.5), EBUSY if a supervisor of this process has them, or that of `execvp`.
int supervision_start(struct supervision *supervision, char *_Nullable const *_Nonnull arguments);

/// Waits for the next request. Returns 1, or 0 when all supervised processes have ended; or a
/// negative errno.
int supervision_next(int listener, struct supervision_request *request);

/// Copies the path of a request, with the 0 at its end, to `path`, which has PATH_MAX bytes.
/// Returns 0, or an errno if it can't be read, or the call is over.
int supervision_read_path(int listener, const struct supervision_request *request, char *path);

/// Lets the call go on as if nothing had happened.
void supervision_continue(int listener, const struct supervision_request *request);

/// Answers a call: it returns a copy of `descriptor`. Returns 0 or an errno: ENOENT if the call is
/// over, EINVAL before Linux 5.14.
int supervision_answer(int listener, const struct supervision_request *request, int descriptor);

/// A file in memory that contains `count` bytes of `text`, open for reading, at its start. Returns
/// -1 with errno set if there is none.
int supervision_file(const void *text, size_t count);

/// Waits for the child to end. Returns what a shell would: its status, or 128 and the signal.
int supervision_wait(pid_t pid);

#pragma clang assume_nonnull end

#endif
