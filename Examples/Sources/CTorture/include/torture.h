// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift doesn't import: fork, since few programs can do anything in the child, and calls that
// are declared under _GNU_SOURCE only.

#ifndef TORTURE_H
#define TORTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

/// `fork`: the child's number, 0 in the child, -1.
/// The child is killed after `seconds` unless it has ended.
pid_t torture_fork(unsigned seconds);

/// Waits for the end of `child`. Returns its exit status, or minus the signal that killed it.
int torture_wait(pid_t child);

/// Lets the process, which has one thread, start no more: `EAGAIN`, as at a limit.
/// Returns what the start of a thread says then, or the error that has prevented this.
int torture_deny_threads(void);

/// `pthread_tryjoin_np`: joins `thread` if it has ended; whether it has.
bool torture_try_join(pthread_t thread);

/// Says, by a thread that has read, that its signal handlers may read from now on: a thread's first
/// section may allocate.
void torture_let_handlers_read(void);
bool torture_handlers_may_read(void);

/// Names the calling thread; at most 15 bytes.
void torture_name_thread(const char *_Nonnull name);

#endif
