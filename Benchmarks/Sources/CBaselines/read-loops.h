// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The reading loop of each flavor, for whoever includes this: inlined or by calls, as liburcu's
// headers make it of the macros that are defined before.

#ifndef READ_LOOPS_H
#define READ_LOOPS_H

#include "baselines.h"

#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

#define READ_SECTION(flavor)                                                                     \
  urcu_##flavor##_read_lock();                                                                   \
  sum += __atomic_load_n(&pointer->node, __ATOMIC_ACQUIRE)->value;                               \
  urcu_##flavor##_read_unlock();

#define DEFINE_READ_LOOP(flavor, kind, after_sections)                                           \
  int64_t baselines_read_##flavor##_##kind(                                                      \
      const struct baselines_pointer *pointer, size_t count) {                                   \
    int64_t sum = 0;                                                                             \
    for (size_t index = 0; index < count; index += BASELINES_SECTIONS_PER_TURN) {                \
      READ_SECTION(flavor) READ_SECTION(flavor) READ_SECTION(flavor) READ_SECTION(flavor)        \
      READ_SECTION(flavor) READ_SECTION(flavor) READ_SECTION(flavor) READ_SECTION(flavor)        \
      after_sections;                                                                            \
    }                                                                                            \
    return sum;                                                                                  \
  }

#define DEFINE_READ_LOOPS(kind)                                                                  \
  DEFINE_READ_LOOP(bp, kind, (void)0)                                                            \
  DEFINE_READ_LOOP(memb, kind, (void)0)                                                          \
  DEFINE_READ_LOOP(mb, kind, (void)0)                                                            \
  DEFINE_READ_LOOP(qsbr, kind, if (ENDS_QUIESCENT(index)) urcu_qsbr_quiescent_state())

#define ENDS_QUIESCENT(index)                                                                    \
  (((index) + BASELINES_SECTIONS_PER_TURN) % BASELINES_SECTIONS_PER_QUIESCENT_STATE == 0)

#define DECLARE_READ_LOOP(flavor, kind)                                                          \
  int64_t baselines_read_##flavor##_##kind(                                                      \
      const struct baselines_pointer *pointer, size_t count);

DECLARE_READ_LOOP(bp, inline)
DECLARE_READ_LOOP(bp, calls)
DECLARE_READ_LOOP(memb, inline)
DECLARE_READ_LOOP(memb, calls)
DECLARE_READ_LOOP(mb, inline)
DECLARE_READ_LOOP(mb, calls)
DECLARE_READ_LOOP(qsbr, inline)
DECLARE_READ_LOOP(qsbr, calls)

#endif
