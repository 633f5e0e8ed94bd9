// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The read side inlined, as a C program gets it that is compiled with _LGPL_SOURCE.

#define _LGPL_SOURCE 1

#include "baselines.h"

#include <urcu/urcu-bp.h>
#include <urcu/urcu-memb.h>

int64_t baselines_read_bp_inline(const struct baselines_pointer *pointer, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    urcu_bp_read_lock();
    sum += __atomic_load_n(&pointer->node, __ATOMIC_ACQUIRE)->value;
    urcu_bp_read_unlock();
  }
  return sum;
}

int64_t baselines_read_memb_inline(const struct baselines_pointer *pointer, size_t count) {
  int64_t sum = 0;
  for (size_t index = 0; index < count; index++) {
    urcu_memb_read_lock();
    sum += __atomic_load_n(&pointer->node, __ATOMIC_ACQUIRE)->value;
    urcu_memb_read_unlock();
  }
  return sum;
}
