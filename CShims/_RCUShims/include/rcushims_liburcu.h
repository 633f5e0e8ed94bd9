// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's headers, and what this target assumes of them. liburcu promises its functions, not the
// bits of a reader's word or the fields of a reader: each that is used here is checked when this is
// compiled, so that a later liburcu that changes one fails to build instead of freeing memory
// early.

#ifndef RCU_SHIMS_LIBURCU_H
#define RCU_SHIMS_LIBURCU_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE 1
#endif

#if !__has_include(<urcu/urcu-bp.h>)
#error "swift-urcu: liburcu's headers are missing: install liburcu-dev, 0.13 or later"
#endif

#include <pthread.h>
#include <stddef.h>
#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

// liburcu's headers name no version: these are told apart by the headers that each has brought.
// Since 0.13 <urcu/arch.h> is a file of its own, with a guard; it was a link before.
#if !defined(_URCU_ARCH_H)
#error "swift-urcu: this liburcu is older than 0.13, the oldest that is supported"
#endif
#if __has_include(<urcu/uatomic/api.h>)
#define RCUSHIMS_LIBURCU "liburcu 0.15 or later: "
#elif __has_include(<urcu/urcu-poll.h>)
#define RCUSHIMS_LIBURCU "liburcu 0.14: "
#else
#define RCUSHIMS_LIBURCU "liburcu 0.13: "
#endif

#define RCUSHIMS_ASSUME(condition, meaning) \
  _Static_assert(condition, RCUSHIMS_LIBURCU meaning)

#define RCUSHIMS_HAS_TYPE(expression, type) \
  __builtin_types_compatible_p(__typeof__(expression), type)

// A reader's word: the nesting in the low half, then the phase; what is above is ours.
RCUSHIMS_ASSUME(sizeof(unsigned long) == 8, "a reader's word must have 64 bits");
RCUSHIMS_ASSUME(URCU_GP_COUNT == 1 && URCU_BP_GP_COUNT == 1,
                "a section must add 1 to its reader's word");
RCUSHIMS_ASSUME(URCU_GP_CTR_NEST_MASK == 0xffffffff && URCU_BP_GP_CTR_NEST_MASK == 0xffffffff,
                "the nesting must be the low 32 bits of a reader's word");
RCUSHIMS_ASSUME(URCU_GP_CTR_PHASE == 1UL << 32 && URCU_BP_GP_CTR_PHASE == 1UL << 32,
                "the phase must be bit 32 of a reader's word");

// Readers: the word that we keep bits in, and the link that a child of fork takes off the registry.
#define RCUSHIMS_ASSUME_READER(reader)                                                          \
  RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(((struct reader *)0)->ctr, unsigned long),                  \
                  "struct " #reader " must have its word, an unsigned long, in ctr");           \
  RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(((struct reader *)0)->node, struct cds_list_head),          \
                  "struct " #reader " must have its link of the registry in node");             \
  RCUSHIMS_ASSUME(offsetof(struct reader, ctr) == 0, "a reader must begin with its word")

RCUSHIMS_ASSUME_READER(urcu_reader);
RCUSHIMS_ASSUME_READER(urcu_bp_reader);
RCUSHIMS_ASSUME_READER(urcu_qsbr_reader);

RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(((struct urcu_bp_reader *)0)->alloc, int),
                "struct urcu_bp_reader must say in alloc that it is on the registry");

// What each thread has: bp a pointer to its reader, which is NULL before its first section; the
// others a reader.
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_bp_reader), struct urcu_bp_reader *),
                "urcu_bp_reader must be a pointer to the thread's reader");
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_memb_reader), struct urcu_reader) &&
                    RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_mb_reader), struct urcu_reader),
                "urcu_memb_reader and urcu_mb_reader must be the thread's struct urcu_reader");
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_qsbr_reader), struct urcu_qsbr_reader),
                "urcu_qsbr_reader must be the thread's struct urcu_qsbr_reader");

// The word of grace periods, which a section copies.
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(urcu_bp_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_memb_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_mb_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_qsbr_gp.ctr, unsigned long),
                "the grace periods' words must be in ctr, unsigned long");

#endif
