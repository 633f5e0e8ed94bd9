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

// Each loop reads `count` times: opens a section, loads the pointer, adds the value, closes the
// section. The sum is returned, so that no load can go.

// For memb the thread must be registered.
int64_t baselines_read_bp_inline(const struct baselines_pointer *pointer, size_t count);
int64_t baselines_read_memb_inline(const struct baselines_pointer *pointer, size_t count);
int64_t baselines_read_bp_calls(const struct baselines_pointer *pointer, size_t count);
int64_t baselines_read_memb_calls(const struct baselines_pointer *pointer, size_t count);
int64_t baselines_read_rwlock(
    pthread_rwlock_t *lock, const struct baselines_pointer *pointer, size_t count);

/// Copies 32 bytes into registers `count` times, and adds two of the words.
int64_t baselines_copy_32(const int64_t *words, size_t count);

/// Calls `urcu_bp_synchronize_rcu` `count` times.
void baselines_synchronize_bp(size_t count);

/// Nanoseconds from `urcu_bp_call_rcu` to its callback.
uint64_t baselines_call_rcu_latency(void);

/// Nanoseconds of the monotonic clock.
uint64_t baselines_now(void);

/// The file of the liburcu that this program runs with.
const char *_Nullable baselines_liburcu_path(void);

#pragma clang assume_nonnull end

#endif
