// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// perf events that report changes of a process's map, and waiting for several descriptors.

#ifndef SYSTEM_SHIMS_PERF_H
#define SYSTEM_SHIMS_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

// MARK: - Events
// Why C: perf_event_attr consists of bit fields, and libc has no wrapper for perf_event_open.

/// What `sysshims_perf_open` makes the kernel report.
struct sysshims_perf_request {
  /// The thread to watch. The threads that it starts later are watched too.
  pid_t thread;
  /// The processor on which the thread is watched. Only one processor may write into a ring.
  int processor;
  /// The number of a tracepoint, or 0 for mappings, new programs, and threads that start and end.
  uint64_t tracepoint;
  /// Whether the tracepoint reports all system calls. If so, the kernel is told to report only
  /// those that may change a map.
  bool is_of_all_calls;
  /// Whether calls end at the tracepoint; otherwise they begin there.
  bool is_end;
  /// How many bytes of records make the ring's descriptor readable.
  uint32_t wakeup_bytes;
};

/// Opens an event. Returns its descriptor, or -1 with errno set.
int sysshims_perf_open(const struct sysshims_perf_request *request);

/// Makes `event` write into the ring of `target`, an event of the same processor. Returns 0, or -1
/// with errno set.
int sysshims_perf_redirect(int event, int target);

/// Maps an event's ring with `pages` pages of records, a power of two. Returns NULL with errno set
/// if that fails.
void *_Nullable sysshims_perf_map(int event, size_t pages);
/// Unmaps a ring; `pages` is what it was mapped with.
void sysshims_perf_unmap(void *ring, size_t pages);

/// Stops the kernel from writing into an event's ring, or lets it write again. While a ring is
/// paused, records are lost and its descriptor isn't made readable. Returns 0, or -1 with errno
/// set.
int sysshims_perf_pause(int event, bool is_paused);

/// Removes whole records from a ring, as many as fit into `capacity` bytes, and copies them to
/// `buffer`, one after another. Returns the number of bytes copied. Only one thread at a time may
/// take or discard the records of a ring.
///
/// Sets `has_lost` if other records may have been dropped since the last call: the kernel reports
/// that in the next record only, which may never come. The ring must have at least two pages.
size_t sysshims_perf_take(void *ring, size_t pages, void *buffer, size_t capacity,
                          bool *has_lost);

/// Removes all records from a ring without reading them.
void sysshims_perf_discard(void *ring);

/// How a system call may change a map.
enum sysshims_call_effect {
  SYSSHIMS_CALL_EFFECT_NONE,
  /// It changes the range whose address and length are its first two arguments.
  SYSSHIMS_CALL_EFFECT_RANGE,
  /// mremap: its arguments and its result name the ranges.
  SYSSHIMS_CALL_EFFECT_REMAP,
  /// brk: its result is the end of the heap.
  SYSSHIMS_CALL_EFFECT_BREAK,
  /// prctl: its first two arguments say whether it changes a range.
  SYSSHIMS_CALL_EFFECT_PRCTL,
  /// It may change any part of the map.
  SYSSHIMS_CALL_EFFECT_ANY,
  /// If it fails, it may have changed any part of the map; otherwise the kernel reports the mapping
  /// that it leaves. Only its end is reported.
  SYSSHIMS_CALL_EFFECT_FAILURE,
};

/// How the system call with this number on this machine may change a map.
enum sysshims_call_effect sysshims_call_effect_of(long number);

/// Whether a prctl with these first two arguments names a range, whose address and length are its
/// third and fourth arguments.
bool sysshims_prctl_names_range(uint64_t option, uint64_t operation);

// MARK: - Waiting
// Why C: whether epoll_event is packed depends on the machine, and Swift can't express that.

/// Opens a set of descriptors to wait for. Returns its descriptor, or -1 with errno set.
int sysshims_watch_open(void);
/// Adds a descriptor with a tag, by which `sysshims_watch_wait` reports it. With `is_told_once` it
/// is reported when it becomes readable or hangs up, and not again until something else happens.
/// Returns 0, or -1 with errno set.
int sysshims_watch_add(int watch, int descriptor, uint64_t tag, bool is_told_once);
/// Removes a descriptor from the set.
void sysshims_watch_remove(int watch, int descriptor);
/// Waits until a descriptor is readable, and stores the tags of the readable ones, at most 64 at a
/// time. Returns how many it has stored, or -1 with errno set.
int sysshims_watch_wait(int watch, uint64_t *tags, int capacity);

/// Opens a descriptor that becomes readable at a time that can be set. Returns -1 with errno set if
/// that fails.
int sysshims_timer_open(void);
/// Sets the time in nanoseconds of the monotonic clock, the one of `sysshims_now`; UINT64_MAX means
/// never.
void sysshims_timer_set(int timer, uint64_t time);

/// Opens a descriptor that is readable from `sysshims_signal_set` until `sysshims_signal_clear`.
/// Returns -1 with errno set if that fails.
int sysshims_signal_open(void);
void sysshims_signal_set(int descriptor);
void sysshims_signal_clear(int descriptor);

/// Opens a descriptor that becomes readable when the process has ended. Returns -1 with errno set
/// if that fails, ENOSYS where the system has no pidfd.
int sysshims_process_open(pid_t process);

#pragma clang assume_nonnull end

#endif
