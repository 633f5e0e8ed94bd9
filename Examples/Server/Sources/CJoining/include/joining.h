// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Passing descriptors over Unix sockets: the macros for control messages aren't for Swift.

#ifndef JOINING_H
#define JOINING_H

#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

/// Listens on the Unix socket `path`, for its own user only; a socket that is there already, and
/// that nobody listens on, is replaced. Returns the socket, or -1 with errno set.
int joining_listen(const char *path);

/// Waits for a client of `listener`, or until `stop` is readable. Takes one descriptor from it.
/// Returns it, -1 if the client has sent none or is no process of this user's, or -2 if it is over.
/// The client's pid is in `pid`; its connection is in `connection`, to be answered and closed.
int joining_accept(int listener, int stop, pid_t *pid, int *connection);

/// Sends one byte, 1 for success, and closes the connection.
void joining_answer(int connection, int is_joined);

/// Sends the descriptor to the Unix socket `path`, and waits for the answer. Returns 0, or an
/// errno; EPERM if it was refused.
int joining_send(const char *path, int descriptor);

#pragma clang assume_nonnull end

#endif
