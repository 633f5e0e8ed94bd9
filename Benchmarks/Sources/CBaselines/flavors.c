// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#include "read-loops.h"

static void nothing(void) {}

#define DEFINE_FLAVOR(flavor, enter, leave)                                                      \
  static void synchronize_##flavor(size_t count) {                                               \
    for (size_t index = 0; index < count; index++) urcu_##flavor##_synchronize_rcu();            \
  }                                                                                              \
  const struct baselines_flavor *baselines_##flavor(void) {                                      \
    static const struct baselines_flavor functions = {                                           \
        .register_thread = enter,                                                                \
        .unregister_thread = leave,                                                              \
        .read_inline = baselines_read_##flavor##_inline,                                         \
        .read_calls = baselines_read_##flavor##_calls,                                           \
        .synchronize = synchronize_##flavor,                                                     \
    };                                                                                           \
    return &functions;                                                                           \
  }

DEFINE_FLAVOR(bp, nothing, nothing)
DEFINE_FLAVOR(memb, urcu_memb_register_thread, urcu_memb_unregister_thread)
DEFINE_FLAVOR(mb, urcu_mb_register_thread, urcu_mb_unregister_thread)
DEFINE_FLAVOR(qsbr, urcu_qsbr_register_thread, urcu_qsbr_unregister_thread)
