// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Page faults of child processes, by the kernel's performance events. Swift has neither
// perf_event_open, which has no function in the C library, nor the kernel's structures, which
// consist of bit fields and unions: hence C. It may go when Swift System has them.

#ifndef PAGE_FAULTS_H
#define PAGE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// Records of faults that are under way.
typedef struct pagefaults_recorder pagefaults_recorder;

/// One page fault, of user code or of the kernel on its behalf.
typedef struct {
  /// Since 1970.
  uint64_t nanoseconds;
  uint64_t address;
  int32_t thread_id;
} pagefaults_fault;

/// Starts to record the faults of the calling thread, and of the processes that it starts from now
/// on, with theirs.
///
/// \returns NULL if the process may not, or the kernel can't.
pagefaults_recorder *_Nullable pagefaults_start(void);

/// Takes faults that have happened, each processor's in their order.
///
/// \returns how many; 0 if there are none at the moment.
size_t pagefaults_take(pagefaults_recorder *recorder, pagefaults_fault *faults, size_t capacity);

/// Whether faults were lost, since they were not taken in time.
bool pagefaults_has_lost(const pagefaults_recorder *recorder);

/// Ends it, and frees `recorder`.
void pagefaults_stop(pagefaults_recorder *recorder);

#pragma clang assume_nonnull end

#endif
