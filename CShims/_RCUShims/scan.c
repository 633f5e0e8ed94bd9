// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The scan of the reader registry: who is inside a section, since when, and whom a grace period
// waits for. Also the cookies of polled grace periods.

#define _GNU_SOURCE 1

#include "registry.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

/// A full barrier in every thread of the process, for flavors whose sections may have none of their
/// own. Returns false if that fails.
static bool fence_readers(int flavor) {
  cmm_smp_mb();
  return !rcushims_has_membarrier(flavor) ||
         syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0;
}

// MARK: - Stamps

static const struct rcushims_reader_scan nothing_passes = {.oldest = 0, .oldest_open = 0};

/// Makes the next stamp current. Under the registry's lock.
static void advance_stamp(int flavor) {
  struct rcushims_stamp *stamp = &rcushims_stamps[flavor];
  RCUSHIMS_STORE(stamp->light, stamp->light + RCUSHIMS_NEXT_STAMP);
  // A relaxed store suffices. At the beginning of a cookie a fence follows, and the writer acts and
  // publishes after it. The stamp that the end of a scan makes current is never a cookie's.
  RCUSHIMS_STORE(stamp->number, stamp->number + 1);
}

/// Whether a word certainly belongs to another section than a word noted before: their stamps or
/// phases differ, and neither changes during a section.
static bool is_another_section(unsigned long word, unsigned long noted) {
  return ((word ^ noted) & (URCU_GP_CTR_PHASE | -RCUSHIMS_NEXT_STAMP)) != 0;
}

// MARK: - The scan

// Tests/Models/readers.pml models this code, sections (sections.c), and what a pool does with both.
// `make prove` checks it for x86-64 and for arm64.
//
// *The stamp* is the single number that dates readers. A section's word has the low bits of the
// stamp that was current when the section began. A scan has the stamp that is current when the scan
// begins. If it finds somebody inside, it makes the next stamp current at its end, so that the next
// scan can tell readers that stayed inside from readers that left and came back. A cookie's scan
// makes a new stamp current at its beginning, so that no section that began earlier has the
// cookie's stamp, and another one at its end, so that no later scan has the cookie's stamp.
//
// *Why a grace period has passed* between a cookie and a later scan that finds no reader still in
// the section in which the cookie's scan found it. `membarrier` inserts a full barrier at some
// point of each light reader's instructions. If a section begins before that point, the scan sees
// it in the reader's word, unless it is already over. If it begins after that point, it sees
// everything that was unpublished before the call. For a fenced reader, its own fence does the
// same, since it comes after the store of the word and before the section's first load. So a grace
// period need only wait for the readers that the cookie's scan sees inside, and only until they
// leave that section. Then they are outside, or in a section with another stamp. An equal stamp
// proves nothing: there may have been other sections since the stamp became current, or inside C
// code, whose sections have no stamp, or 2^21 stamps later. Such a thread is scanned again, with a
// new stamp.
//
// A thread becomes light with a word that it, too, stores before a fence. If a scan still sees the
// previous word, that fence comes after the scan, and everything after the fence sees what was
// published. A thread becomes fenced with a word that it stores after all its light sections have
// ended.
//
// Threads enter the registry before their first section, which is ordered by the lock that the scan
// holds; they leave it outside of sections. What a reader did in a section comes before the store
// of the word that ends it: on x86-64 by itself, elsewhere by another barrier after the scan has
// seen that word.
//
// *Why a snapshot section doesn't see what was published after a cookie* whose stamp is larger than
// the section's. Between its acquiring loads of pointers and the first time that it follows one,
// the section checks that the stamp is unchanged, and leaves if not. If one of these pointers had
// been published after the cookie's scan made its stamp current, the section would have found that
// stamp or a later one. If a scan sees that a section is a snapshot section, it sees that section's
// stamp, or the stamp of a later section of the same thread; the latter began after the scan had
// seen the word, and no cookie up to this scan waits for it. A section nested in a snapshot section
// clears the snapshot bit, and a fence follows: it counts as a section that begins then.

static unsigned long grace_period_word(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return CMM_LOAD_SHARED(urcu_bp_gp.ctr);
    case RCUSHIMS_MEMB: return CMM_LOAD_SHARED(urcu_memb_gp.ctr);
    case RCUSHIMS_MB: return CMM_LOAD_SHARED(urcu_mb_gp.ctr);
    default: return CMM_LOAD_SHARED(urcu_qsbr_gp.ctr);
  }
}

/// Notes a reader that is inside the section of this word.
static void note_inside(int flavor, struct registered_reader *reader, unsigned long word,
                        struct rcushims_reader_scan *scan) {
  if (reader->since == RCUSHIMS_OUTSIDE || is_another_section(word, reader->noted_word)) {
    reader->since = scan->stamp;
    reader->noted_word = word;
  }
  if (reader->since < scan->oldest) scan->oldest = reader->since;
  if (rcushims_is_ours(flavor, word) && (word & RCUSHIMS_SEALED) &&
      scan->snapshot_count < RCUSHIMS_SNAPSHOT_READERS_MAX) {
    struct rcushims_snapshot_reader *snapshot = &scan->snapshot[scan->snapshot_count];
    snapshot->since = reader->since;
    snapshot->stamp = RCUSHIMS_LOAD(reader->snapshot_stamp);
    scan->snapshot_count += 1;
  } else if (reader->since < scan->oldest_open) {
    scan->oldest_open = reader->since;
  }
}

/// Adds a reader that is inside to the list of names, and tells whether liburcu's grace period,
/// whose word is `now`, waits for it, by liburcu's own rule.
static void name_inside(int flavor, const struct registered_reader *reader, unsigned long word,
                        unsigned long now, struct rcushims_reader_scan *scan) {
  struct rcushims_inside_reader inside = {.since = reader->since, .thread = reader->thread};
  if (flavor == RCUSHIMS_QSBR) {
    if (word == 0 || word == now) return;
    uint32_t state = __atomic_load_n(reader->qsbr_state, __ATOMIC_RELAXED);
    inside.nesting = state > 1 ? state - 1 : 0;
    inside.holds_up = true;
  } else {
    inside.nesting = (uint32_t)(word & URCU_GP_CTR_NEST_MASK);
    inside.holds_up = ((word ^ now) & URCU_GP_CTR_PHASE) != 0;
  }
  if (scan->inside_count == RCUSHIMS_INSIDE_READERS_MAX) return;
  scan->inside[scan->inside_count] = inside;
  scan->inside_count += 1;
}

/// The only walk through the registry that asks about readers. Under its lock. Returns whether
/// there are light threads besides the caller.
static bool scan_registry(int flavor, struct rcushims_reader_scan *scan) {
  bool is_anybody_light = false;
  unsigned long now = grace_period_word(flavor);
  *scan = (struct rcushims_reader_scan){.stamp = rcushims_stamps[flavor].number,
                                        .oldest = RCUSHIMS_OUTSIDE,
                                        .oldest_open = RCUSHIMS_OUTSIDE};
  struct registered_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_registries[flavor], link) {
    scan->reader_count += 1;
    // Pairs with the releasing store in `open_fenced`.
    unsigned long word = __atomic_load_n(reader->word, __ATOMIC_ACQUIRE);
    if (flavor == RCUSHIMS_QSBR) {
      name_inside(flavor, reader, word, now, scan);
      continue;
    }
    // C code's sections have neither bit, and another copy's bits mean nothing here.
    bool is_fenced = rcushims_is_ours(flavor, word) && (word & RCUSHIMS_FENCED);
    if (!is_fenced && reader != rcushims_own_readers[flavor]) is_anybody_light = true;
    if (!rcushims_is_inside_word(word)) {
      reader->since = RCUSHIMS_OUTSIDE;
      continue;
    }
    note_inside(flavor, reader, word, scan);
    name_inside(flavor, reader, word, now, scan);
  }
  return is_anybody_light;
}

/// Locks the registry for a scan. A thread that is in the registry needn't block signals, since its
/// handlers don't need the lock; blocking would cost more than the scan.
static bool lock_for_scan(int flavor, sigset_t *before) {
  bool is_masked = rcushims_own_readers[flavor] == NULL;
  if (is_masked) sysshims_block_signals(before);
  sysshims_enter_lock();
  pthread_mutex_lock(&rcushims_registry_locks[flavor]);
  return is_masked;
}

/// Ends a scan and releases the lock.
static void end_scan(int flavor, struct rcushims_reader_scan *scan, bool is_cookies, bool is_masked,
                     const sigset_t *before) {
  // So that the next scan sees whether these readers have left, and so that no later scan has a
  // cookie's stamp.
  if (is_cookies || scan->oldest != RCUSHIMS_OUTSIDE) advance_stamp(flavor);
  pthread_mutex_unlock(&rcushims_registry_locks[flavor]);
#if !defined(__x86_64__)
  if (!fence_readers(flavor)) scan->oldest = scan->oldest_open = 0;
#endif
  // There are no cookies with qsbr, whose readers don't tell one section from the next.
  if (flavor == RCUSHIMS_QSBR) scan->oldest = scan->oldest_open = 0;
  sysshims_annotate_acquire(&rcushims_tags[flavor]);
  sysshims_leave_lock();
  if (is_masked) pthread_sigmask(SIG_SETMASK, before, NULL);
}

struct rcushims_cookie rcushims_start_grace_period(int flavor, struct rcushims_reader_scan *scan) {
  struct rcushims_cookie cookie = {.stamp = 0, .interruption = 0};
  *scan = nothing_passes;
  if (flavor == RCUSHIMS_QSBR || rcushims_is_lost(flavor)) return cookie;
  sigset_t before;
  // A writer starts many grace periods, so it is worth being in the registry.
  sysshims_enter_lock();
  rcushims_join_registry(flavor);
  sysshims_leave_lock();
  bool is_masked = lock_for_scan(flavor, &before);
  advance_stamp(flavor);
  // Pairs with the reader's fence in `open_fenced`.
  cmm_smp_mb();
  bool are_fenced = true;
  if (scan_registry(flavor, scan)) {
    uint64_t start = sysshims_now();
    are_fenced = fence_readers(flavor);
    cookie.interruption = sysshims_now() - start;
    if (are_fenced) (void)scan_registry(flavor, scan);
  }
  if (are_fenced) cookie.stamp = scan->stamp;
  end_scan(flavor, scan, true, is_masked, &before);
  return cookie;
}

void rcushims_scan_readers(int flavor, struct rcushims_reader_scan *scan) {
  *scan = nothing_passes;
  if (rcushims_is_lost(flavor)) return;
  sigset_t before;
  bool is_masked = lock_for_scan(flavor, &before);
  (void)scan_registry(flavor, scan);
  end_scan(flavor, scan, false, is_masked, &before);
}
