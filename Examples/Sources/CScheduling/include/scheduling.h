// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Linux's scheduling calls that are declared under _GNU_SOURCE only, which Swift's Glibc module
// doesn't define.

#ifndef SCHEDULING_H
#define SCHEDULING_H

#include <stdbool.h>

/// Whether the calling thread may run on `core`.
bool scheduling_may_use(int core);

/// Puts the calling thread on one core. Returns 0 or an errno.
int scheduling_pin(int core);

/// Makes the calling thread weaker, as `nice` counts. Returns 0 or an errno.
int scheduling_set_niceness(int niceness);

/// Lets the calling thread's timers be late by so many nanoseconds. Returns 0 or an errno.
int scheduling_set_timer_slack(unsigned long nanoseconds);

#endif
