// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift doesn't import: fork, since few programs can do anything in the child, and calls that
// are declared under _GNU_SOURCE only.

#ifndef TORTURE_H
#define TORTURE_H

#include <sys/types.h>

/// `fork`: the child's number, 0 in the child, -1.
/// The child is killed after `seconds` unless it has ended.
pid_t torture_fork(unsigned seconds);

/// Waits for the end of `child`. Returns its exit status, or minus the signal that killed it.
int torture_wait(pid_t child);

/// Names the calling thread; at most 15 bytes.
void torture_name_thread(const char *_Nonnull name);

#endif
