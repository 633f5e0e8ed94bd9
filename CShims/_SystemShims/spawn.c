// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "_SystemShims.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

// MARK: - The child

// The child shares nothing with the other threads of this process but a copy of their memory, in
// which locks may be held for ever. So it makes system calls directly, and nothing else: no fork
// handlers run, and sanitizers don't intercept anything.

/// The size of the kernel's set of signals.
enum { signal_set_bytes = 8 };

/// Gives each signal that has a handler its default action: a handler must not run in the child.
static void reset_handlers(void) {
  for (int number = 1; number <= 64; number += 1) {
    // The kernel's structure: the handler comes first, on all architectures.
    uintptr_t action[16] = {0};
    if (syscall(SYS_rt_sigaction, number, NULL, action, signal_set_bytes) != 0) continue;
    if (action[0] == (uintptr_t)SIG_DFL || action[0] == (uintptr_t)SIG_IGN) continue;
    uintptr_t standard[16] = {0};
    (void)syscall(SYS_rt_sigaction, number, standard, NULL, signal_set_bytes);
  }
}

/// Makes `stream` the descriptor `number`.
static int redirect(int stream, int number) {
  if (stream < 0) return 0;
  // They differ: the parent has moved its descriptors above the standard ones.
  return (int)syscall(SYS_dup3, stream, number, 0);
}

static _Noreturn void run_child(int socket, const char *path, const char *const *arguments,
                                const char *const *environment, const int *streams) {
  char byte;
  long count;
  do count = syscall(SYS_read, socket, &byte, 1L);
  while (count < 0 && errno == EINTR);
  if (count == 1) {
    reset_handlers();
    int error = 0;
    for (int number = 0; number < 3 && error == 0; number += 1)
      if (redirect(streams[number], number) < 0) error = errno;
    // Threads of Dispatch block signals, and the program isn't to start with them blocked.
    uint64_t nothing = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, NULL, signal_set_bytes);
    if (error == 0) {
      (void)syscall(SYS_execve, path, arguments, environment);
      error = errno;
    }
    (void)syscall(SYS_write, socket, &error, sizeof(error));
  }
  for (;;) (void)syscall(SYS_exit_group, 127);
}

// MARK: - The parent

/// Replaces a descriptor by a copy above the standard ones, which is closed when a program starts.
/// Returns 0 or an errno; the copy is negative then.
static int move_up(int *descriptor, bool closes_old) {
  int copy = fcntl(*descriptor, F_DUPFD_CLOEXEC, 3);
  int error = copy < 0 ? errno : 0;
  if (closes_old) (void)close(*descriptor);
  *descriptor = copy;
  return error;
}

static void reap(pid_t pid) {
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
}

int sysshims_child_start(struct sysshims_child *child, const char *path,
                         const char *const *arguments, const char *const *environment,
                         const int streams[3]) {
  // The two ends of a socket, then the three streams.
  int owned[5] = {-1, -1, -1, -1, -1};
  if (environment == NULL) environment = (const char *const *)environ;
  int error = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, owned) != 0 ? errno : 0;
  for (int index = 0; index < 5 && error == 0; index += 1) {
    if (index >= 2) owned[index] = streams[index - 2];
    if (owned[index] >= 0) error = move_up(&owned[index], index < 2);
  }
  if (error == 0) {
    uint64_t all = UINT64_MAX, mask = 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, signal_set_bytes);
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
    if (pid == 0) {
      // With a copy of the parent's end, the child wouldn't notice that the parent has closed it.
      (void)syscall(SYS_close, owned[0]);
      run_child(owned[1], path, arguments, environment, owned + 2);
    }
    error = pid < 0 ? errno : 0;
    (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, signal_set_bytes);
    if (error == 0) {
      *child = (struct sysshims_child){.pid = pid, .socket = owned[0]};
      owned[0] = -1;
    }
  }
  for (int index = 0; index < 5; index += 1)
    if (owned[index] >= 0) (void)close(owned[index]);
  return error;
}

int sysshims_child_resume(struct sysshims_child *child) {
  char byte = 0;
  int error = send(child->socket, &byte, 1, MSG_NOSIGNAL) == 1 ? 0 : ESRCH;
  if (error == 0) {
    ssize_t count;
    int told;
    do count = read(child->socket, &told, sizeof(told));
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof(told)) error = told;
  }
  (void)close(child->socket);
  if (error != 0) reap(child->pid);
  return error;
}

void sysshims_child_cancel(struct sysshims_child *child) {
  (void)close(child->socket);
  reap(child->pid);
}

#pragma GCC visibility pop
