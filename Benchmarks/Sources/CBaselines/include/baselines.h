// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the library is compared with, as a C program has it: each loop in C, so that nothing but the
// thing measured differs.
//
// read-inline.c inlines liburcu's read side (see NOTICE), hence the licence of this target.

#ifndef BASELINES_H
#define BASELINES_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What the loops load: a pointer to this.
struct baselines_node {
  int64_t value;
};

/// A pointer that is loaded with acquire, as `rcu_dereference` is since it must order.
struct baselines_pointer {
  const struct baselines_node *node;
};

/// How many sections a reading loop writes out. The same instructions take 0.7 to 1.2 ns depending
/// on the address they happen to be at: several of them give the mean of several addresses.
#define BASELINES_SECTIONS_PER_TURN 8

/// After how many sections a reader of qsbr says that it is in none.
#define BASELINES_SECTIONS_PER_QUIESCENT_STATE 64

/// One flavor of liburcu.
///
/// The reading loops open a section `count` times, load the pointer, add the value, and close the
/// section; the sum is returned, so that no load can go. The count is a multiple of
/// BASELINES_SECTIONS_PER_TURN; the thread must be registered.
struct baselines_flavor {
  /// Nothing for bp.
  void (*register_thread)(void);
  void (*unregister_thread)(void);
  /// With the read side inlined, as a program gets it that is compiled with _LGPL_SOURCE.
  int64_t (*read_inline)(const struct baselines_pointer *pointer, size_t count);
  /// With the read side called in the shared library, as a program gets it otherwise.
  int64_t (*read_calls)(const struct baselines_pointer *pointer, size_t count);
  /// Waits for a grace period `count` times.
  void (*synchronize)(size_t count);
};

const struct baselines_flavor *baselines_bp(void);
const struct baselines_flavor *baselines_memb(void);
const struct baselines_flavor *baselines_mb(void);
const struct baselines_flavor *baselines_qsbr(void);

/// The same loop under a readers-writer lock.
int64_t baselines_read_rwlock(
    pthread_rwlock_t *lock, const struct baselines_pointer *pointer, size_t count);

/// Copies so many bytes into registers `count` times, and adds the first words.
int64_t baselines_copy_8(const int64_t *words, size_t count);
int64_t baselines_copy_32(const int64_t *words, size_t count);
int64_t baselines_copy_64(const int64_t *words, size_t count);

/// Nanoseconds from `urcu_bp_call_rcu` to its callback.
uint64_t baselines_call_rcu_latency(void);

/// `count` times: allocates an object of 64 bytes besides liburcu's head, makes one pointer point
/// to it, and hands the old one to `urcu_bp_call_rcu`, whose callback frees it.
void baselines_call_rcu_retire(size_t count);

/// Does that with objects of `bytes`, the head included, until the monotonic clock says `deadline`
/// or `pending_max` bytes are pending. Returns the most bytes that were.
uint64_t baselines_call_rcu_retire_until(
    uint64_t deadline, size_t bytes, uint64_t pending_max, uint64_t *retired);

/// Waits until every callback has run. Returns how many objects callbacks have freed in all.
uint64_t baselines_call_rcu_drain(void);

/// Keeps the calling thread on one core: the `index`th of those that the process may use, counted
/// round and round.
void baselines_pin_thread(size_t index);

/// Lets the calling thread run on any of them again.
void baselines_unpin_thread(void);

/// Sleeps so many nanoseconds, as exactly as timers are.
void baselines_pause(uint64_t nanoseconds);

/// How often the calling thread has asked the allocator for memory. Counting costs every program
/// part that is measured here the same: one more addition per allocation.
uint64_t baselines_allocations(void);

/// Bytes that the allocator has given out, to all threads.
uint64_t baselines_allocated_bytes(void);

/// Nanoseconds of the monotonic clock.
uint64_t baselines_now(void);

/// The file of the liburcu that this program runs with.
const char *_Nullable baselines_liburcu_path(void);

#pragma clang assume_nonnull end

#endif
