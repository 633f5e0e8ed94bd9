// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A profiling timer. Why C: what a handler is told of the interrupted thread is a structure of the
// processor's, which Swift imports differently for each.

#ifndef PROFILING_H
#define PROFILING_H

#include <stdbool.h>
#include <stdint.h>

/// Calls `sample` with the address that was executing, in the handler of SIGPROF, each time that
/// the process has run for so many microseconds. Returns 0 or an errno.
int profiling_start(unsigned microseconds, void (*_Nonnull sample)(uint64_t address));

/// Stops the timer. A last signal may still come.
void profiling_stop(void);

/// Lets SIGPROF come to the calling thread, or not; threads inherit it.
void profiling_admit(bool admits);

#endif
