// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#ifndef BASELINES_MAPPER_H
#define BASELINES_MAPPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// A process that maps and unmaps a page at `mapper_window` when it is told to.
struct mapper;

/// Starts one with that many mappings of its own. It ends with this process at the latest.
struct mapper *mapper_start(size_t vma_count);
void mapper_end(struct mapper *mapper);
int32_t mapper_pid(const struct mapper *mapper);
uint64_t mapper_window(void);

/// Tells it to map the page, or to unmap it.
void mapper_tell(const struct mapper *mapper, bool maps);
/// Waits until it has: the time of the monotonic clock when the call had returned.
uint64_t mapper_result(const struct mapper *mapper);
/// Has it map and unmap a page `count` times. Returns the nanoseconds of each time.
uint64_t mapper_pairs(const struct mapper *mapper, uint64_t count, bool writes);

/// Whether this libc has `_dl_find_object`.
bool mapper_finds_objects(void);
/// Looks addresses up with it, round and round. Returns how many were found.
uint64_t mapper_find_objects(const uint64_t *addresses, size_t address_count, size_t count);

/// An address in the code of each library of this process, and of the program.
struct mapper_objects {
  uint64_t addresses[64];
  size_t count;
};
void mapper_list_objects(struct mapper_objects *objects);

/// Nanoseconds of processors that this process has used.
uint64_t mapper_processor_time(void);

#pragma clang assume_nonnull end

#endif
