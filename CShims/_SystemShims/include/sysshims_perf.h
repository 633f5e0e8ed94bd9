// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The kernel's perf events about the mappings of one thread, and waiting for many descriptors.

#ifndef SYSTEM_SHIMS_PERF_H
#define SYSTEM_SHIMS_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma clang assume_nonnull begin

// MARK: - Events
// Why C: perf_event_attr is made of bit fields, and perf_event_open has no wrapper in libc.

/// What `sysshims_perf_open` is to report.
struct sysshims_perf_request {
  /// The thread, and those that it starts later.
  pid_t thread;
  /// The processor on which it is watched: a ring has one writer at a time.
  int processor;
  /// The number of a tracepoint; 0: mappings, programs, threads that start and end.
  uint64_t tracepoint;
  /// Whether the tracepoint is one of all system calls: it reports those that may change a map
  /// only.
  bool is_of_all_calls;
  /// Whether it is one where calls end.
  bool is_end;
  /// Bytes in the ring after which its descriptor becomes readable.
  uint32_t wakeup_bytes;
};

/// Opens an event. Returns its descriptor, or -1 with errno.
int sysshims_perf_open(const struct sysshims_perf_request *request);

/// Lets `event` write into the ring of `target`, an event of the same processor. Returns 0 or -1
/// with errno.
int sysshims_perf_redirect(int event, int target);

/// Maps an event's ring with that many pages of data, a power of two. Returns NULL with errno if it
/// can't.
void *_Nullable sysshims_perf_map(int event, size_t pages);
void sysshims_perf_unmap(void *ring, size_t pages);

/// Stops or resumes writing into an event's ring. Meanwhile nothing wakes, and records are lost.
int sysshims_perf_pause(int event, bool is_paused);

/// Takes whole records out of a ring, as many as fit, and copies them to `buffer`, one after
/// another. Returns their bytes. One thread at a time.
///
/// `has_lost` says whether others may have been dropped since the last call: the kernel tells of
/// that in the next record, which may never come. At least two pages.
size_t sysshims_perf_take(void *ring, size_t pages, void *buffer, size_t capacity,
                          bool *has_lost);

/// Takes all records out of a ring, unseen.
void sysshims_perf_discard(void *ring);

/// Whether there are records in a ring. From any thread.
bool sysshims_perf_has_records(const void *ring);

/// What a system call, by its number on this machine, may do to a map.
enum sysshims_call_effect {
  SYSSHIMS_CALL_EFFECT_NONE,
  /// Its first two arguments are the address and the length.
  SYSSHIMS_CALL_EFFECT_RANGE,
  /// mremap.
  SYSSHIMS_CALL_EFFECT_REMAP,
  /// brk.
  SYSSHIMS_CALL_EFFECT_BREAK,
  /// prctl: see its first two arguments.
  SYSSHIMS_CALL_EFFECT_PRCTL,
  /// Anything.
  SYSSHIMS_CALL_EFFECT_ANY,
  /// Anything, if it fails; else the kernel reports the mapping that it leaves. Only its end is
  /// told of.
  SYSSHIMS_CALL_EFFECT_FAILURE,
};

enum sysshims_call_effect sysshims_call_effect_of(long number);

/// Whether a prctl with these arguments names a range, which the third and fourth say.
bool sysshims_prctl_names_range(uint64_t option, uint64_t operation);

// MARK: - Waiting
// Why C: epoll_event is a packed struct, which Swift doesn't lay out alike on every machine.

/// A set of descriptors to wait for; -1 with errno.
int sysshims_watch_open(void);
/// `is_told_once`: it is told of when it becomes readable or hangs up, and not again until
/// something happens.
int sysshims_watch_add(int watch, int descriptor, uint64_t tag, bool is_told_once);
void sysshims_watch_remove(int watch, int descriptor);
/// Waits until a descriptor is readable, and stores the tags of those that are. Returns how many,
/// or -1 with errno.
int sysshims_watch_wait(int watch, uint64_t *tags, int capacity);

/// A descriptor that becomes readable at a time; -1 with errno.
int sysshims_timer_open(void);
/// Sets it to a time in nanoseconds of the monotonic clock; UINT64_MAX: never.
void sysshims_timer_set(int timer, uint64_t time);

/// A descriptor that becomes readable when it is signalled, and isn't any more when it is cleared.
int sysshims_signal_open(void);
void sysshims_signal_set(int descriptor);
void sysshims_signal_clear(int descriptor);

/// A descriptor that becomes readable when the process has ended; -1 with errno.
int sysshims_process_open(pid_t process);

#pragma clang assume_nonnull end

#endif
