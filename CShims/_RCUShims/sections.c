// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Sections that begin with a fence: those of threads that aren't light, long sections, and snapshot
// sections.

#define _GNU_SOURCE 1

#include "registry.h"

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

// MARK: - Sections of threads that aren't light

// Model: Tests/Models/readers.pml.

enum kind { SHORT, LONG, SNAPSHOT };

/// Opens a section with a fence; `now` is the word of the flavor's grace periods. Returns the stamp
/// if the section is a snapshot section.
static uint64_t open_fenced(int flavor, unsigned long *reader_word, unsigned long now,
                            struct cds_list_head *registry_link, enum kind kind) {
  unsigned long word = *reader_word;
  if (!rcushims_is_ours(flavor, word)) {
    // The thread has never read, or its last section, or the enclosing one, was opened by C code or
    // by another copy.
    rcushims_enter_registry(flavor, reader_word, registry_link);
    word = *reader_word;
  }
  uint64_t number = RCUSHIMS_UNSEALED;
  if (rcushims_is_inside_word(word)) {
    // Another copy's enclosing section stays a snapshot section, since this one loads nothing of
    // that copy's.
    unsigned long seal = rcushims_is_ours(flavor, word) ? RCUSHIMS_SEALED : 0;
    RCUSHIMS_STORE(*reader_word, (word & ~seal) + URCU_GP_COUNT);
  } else {
    unsigned long stamp = RCUSHIMS_LOAD(rcushims_stamps[flavor].light) ^ RCUSHIMS_LIGHT;
    if (kind == SHORT) {
      if (rcushims_short_sections[flavor] < RCUSHIMS_SHORT_SECTIONS_MAX)
        rcushims_short_sections[flavor] += 1;
      stamp |= rcushims_short_kind(flavor);
    } else {
      stamp |= RCUSHIMS_FENCED;
    }
    if (kind == SNAPSHOT) {
      number = RCUSHIMS_LOAD(rcushims_stamps[flavor].number);
      RCUSHIMS_STORE(rcushims_own_readers[flavor]->snapshot_stamp, number);
      stamp |= RCUSHIMS_SEALED;
    }
    // Pairs with the acquiring load in `note_inside`.
    __atomic_store_n(reader_word, now | stamp, __ATOMIC_RELEASE);
    // Not earlier: until the store above, a handler's sections must find the thread as it was.
    if (kind != SHORT) rcushims_short_sections[flavor] = 0;
  }
  // Pairs with the writer's fence in `rcushims_start_grace_period`: either the writer sees that
  // this thread is inside, and not in a snapshot section, or this thread sees what the writer has
  // published.
  cmm_smp_mb();
  return number;
}

static uint64_t open_bp(enum kind kind) {
  unsigned long *word = &rcushims_own_bp_reader()->ctr;
  return open_fenced(RCUSHIMS_BP, word, _CMM_LOAD_SHARED(urcu_bp_gp.ctr), NULL, kind);
}

void rcushims_bp_read_lock_slow(void) { (void)open_bp(SHORT); }
void rcushims_bp_read_lock_fenced(void) { (void)open_bp(LONG); }
uint64_t rcushims_bp_read_lock_snapshot(void) { return open_bp(SNAPSHOT); }

#define COUNTING_FLAVOR(flavor, index)                                                            \
  static uint64_t open_##flavor(enum kind kind) {                                                 \
    struct urcu_reader *reader = &URCU_TLS(urcu_##flavor##_reader);                               \
    if (!reader->registered) return 0;                                                            \
    return open_fenced(index, &reader->ctr, _CMM_LOAD_SHARED(urcu_##flavor##_gp.ctr),             \
                       &reader->node, kind);                                                      \
  }                                                                                               \
                                                                                                  \
  bool rcushims_##flavor##_read_lock_slow(void) { return open_##flavor(SHORT) != 0; }             \
  bool rcushims_##flavor##_read_lock_fenced(void) { return open_##flavor(LONG) != 0; }            \
  uint64_t rcushims_##flavor##_read_lock_snapshot(void) { return open_##flavor(SNAPSHOT); }

COUNTING_FLAVOR(memb, RCUSHIMS_MEMB)
COUNTING_FLAVOR(mb, RCUSHIMS_MB)

// MARK: - The sections that references belong to, in debug builds

static __thread uint64_t section_tokens[RCUSHIMS_FLAVOR_COUNT];

static unsigned long nesting(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP:
      if (!URCU_TLS(urcu_bp_reader)) return 0;
      return URCU_TLS(urcu_bp_reader)->ctr & URCU_BP_GP_CTR_NEST_MASK;
    case RCUSHIMS_MEMB: return URCU_TLS(urcu_memb_reader).ctr & URCU_GP_CTR_NEST_MASK;
    case RCUSHIMS_MB: return URCU_TLS(urcu_mb_reader).ctr & URCU_GP_CTR_NEST_MASK;
    default: return rcushims_qsbr_state > 1 ? rcushims_qsbr_state - 1 : 0;
  }
}

uint64_t rcushims_section_token(int flavor) {
  static uint64_t last;
  if (nesting(flavor) <= 1 || section_tokens[flavor] == 0)
    section_tokens[flavor] = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
  return section_tokens[flavor];
}

bool rcushims_is_section_open(int flavor, uint64_t token) {
  return nesting(flavor) > 0 && section_tokens[flavor] == token;
}
