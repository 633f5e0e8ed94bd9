// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's headers, and what this target assumes about them. liburcu guarantees its functions, but
// neither the bits of a reader's word nor the fields of a reader. Whatever is used here of those is
// checked at compile time, so that a later liburcu that changes it fails to build instead of
// freeing memory early.

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

// liburcu's headers don't state a version, so versions are told apart by the headers that each one
// added. Since 0.13, <urcu/arch.h> is a file of its own, with a guard; before that it was a link.
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

// A reader's word: the nesting in the low half, then the phase. The bits above them are ours.
RCUSHIMS_ASSUME(sizeof(unsigned long) == 8, "a reader's word must have 64 bits");
RCUSHIMS_ASSUME(URCU_GP_COUNT == 1 && URCU_BP_GP_COUNT == 1,
                "a section must add 1 to its reader's word");
RCUSHIMS_ASSUME(URCU_GP_CTR_NEST_MASK == 0xffffffff && URCU_BP_GP_CTR_NEST_MASK == 0xffffffff,
                "the nesting must be the low 32 bits of a reader's word");
RCUSHIMS_ASSUME(URCU_GP_CTR_PHASE == 1UL << 32 && URCU_BP_GP_CTR_PHASE == 1UL << 32,
                "the phase must be bit 32 of a reader's word");

// Readers: the word that we keep bits in, and the link by which a child of fork removes a thread
// from liburcu's registry.
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

// Each thread's own: with bp, a pointer to its reader, which is NULL before the first section; with
// the other flavors, the reader itself.
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_bp_reader), struct urcu_bp_reader *),
                "urcu_bp_reader must be a pointer to the thread's reader");
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_memb_reader), struct urcu_reader) &&
                    RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_mb_reader), struct urcu_reader),
                "urcu_memb_reader and urcu_mb_reader must be the thread's struct urcu_reader");
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(URCU_TLS(urcu_qsbr_reader), struct urcu_qsbr_reader),
                "urcu_qsbr_reader must be the thread's struct urcu_qsbr_reader");

// The word of the flavor's grace periods, which a section copies.
RCUSHIMS_ASSUME(RCUSHIMS_HAS_TYPE(urcu_bp_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_memb_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_mb_gp.ctr, unsigned long) &&
                    RCUSHIMS_HAS_TYPE(urcu_qsbr_gp.ctr, unsigned long),
                "the grace periods' words must be in ctr, unsigned long");

#endif
