// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The scan of the reader registry: who is inside a section, since when, and whom a grace period
// waits for. And the cookies of grace periods that are polled, not waited for.

#define _GNU_SOURCE 1

#include "registry.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

// As Swift's own symbols: in a file that is linked with a copy of this library, they are never
// another file's.
#pragma GCC visibility push(protected)

/// A full barrier in every thread of the process, where sections of this flavor may have none of
/// their own; false if that fails.
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
  // Not releasing. At a cookie's beginning a fence follows: what a writer then does and publishes
  // comes later. No cookie has the stamp that the end of a scan brings.
  RCUSHIMS_STORE(stamp->number, stamp->number + 1);
}

/// Whether a word is surely of another section than one noted before: it has another stamp or
/// phase, and neither changes while a section lasts.
static bool is_another_section(unsigned long word, unsigned long noted) {
  return ((word ^ noted) & (URCU_GP_CTR_PHASE | -RCUSHIMS_NEXT_STAMP)) != 0;
}

// MARK: - The scan

// Tests/Models/readers.pml is a model of this, of sections (sections.c), and of what a pool does
// with both; `make prove` checks it for x86-64 and for arm64.
//
// *The stamp* is the one number that dates readers. A section has in its word the low bits of the
// stamp that was current when it began. A scan has the stamp that is current when it begins; it
// makes the next one current at its end if it has found somebody inside, so that the next scan
// tells those who stayed from those who came back. A cookie's scan makes a new stamp current at its
// beginning, so that nobody inside has its stamp yet who began before, and another at its end, so
// that no later scan has the same.
//
// *Why a grace period has passed* from a cookie to a later scan that finds nobody in the section
// where they were when the cookie was made. `membarrier` inserts a full barrier somewhere into the
// instructions of every light reader. A section that begins before that point is seen in the
// reader's word, unless it is over by then. One that begins after it sees everything that was
// unpublished before the call. The same is true of a fenced reader by its own fence, which comes
// after the store of its word and before its first load. So only those whom the cookie's scan sees
// inside need to be waited for, and only until they leave that section: then they are outside, or
// in a section of another stamp. The same stamp proves nothing: since it became current, or within
// C code, which has none, or after 2^21 stamps, there may have been other sections. Then the thread
// is scanned once more, with a new stamp.
//
// A thread becomes light with a word that is stored before a fence, too: if we still see the word
// before, the fence comes after our scan, and all that follows sees what was published. It becomes
// fenced with a word behind which all of its light sections have ended.
//
// Threads enter the registry before their first section, and our hold on the lock orders that; they
// leave it outside. What a reader did in a section that it has left comes before its word's store:
// on x86-64 by itself, elsewhere by another barrier, after we have seen it.
//
// *Why a snapshot section doesn't see what was published after a cookie* whose stamp is larger than
// the section's. Between its loads of pointers, which are acquiring ones, and the first time that
// it follows one, it finds the stamp unchanged, or it leaves. Had a pointer been published after
// the cookie's scan had made its stamp current, the stamp would have been that one or a later one.
// If we see that a section is a snapshot section, we see its stamp, or the one of a later section
// of the thread, which began after we had seen the word: no cookie up to this scan waits for that.
// A section that is opened within it unseals it, and has a fence behind that: it is one that begins
// then.

static unsigned long grace_period_word(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return CMM_LOAD_SHARED(urcu_bp_gp.ctr);
    case RCUSHIMS_MEMB: return CMM_LOAD_SHARED(urcu_memb_gp.ctr);
    case RCUSHIMS_MB: return CMM_LOAD_SHARED(urcu_mb_gp.ctr);
    default: return CMM_LOAD_SHARED(urcu_qsbr_gp.ctr);
  }
}

/// Notes a reader that is inside a section with this word.
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

/// Names a reader that is inside, and says whether a grace period of liburcu's that runs at `now`
/// waits for it, as liburcu decides it.
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

/// The one walk through the registry for those who ask about readers. Under its lock.
/// Returns whether there are light threads beside the caller.
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
    // C code's sections have neither bit, and another copy's say nothing of ours.
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

/// Locks the registry for a scan. A thread that is in it needn't mask its handlers, which have no
/// need of the lock; that would cost more than the scan.
static bool lock_for_scan(int flavor, sigset_t *before) {
  bool is_masked = rcushims_own_readers[flavor] == NULL;
  if (is_masked) sysshims_block_signals(before);
  sysshims_enter_lock();
  pthread_mutex_lock(&rcushims_registry_locks[flavor]);
  return is_masked;
}

/// Ends a scan, and releases the lock.
static void end_scan(int flavor, struct rcushims_reader_scan *scan, bool is_cookies, bool is_masked,
                     const sigset_t *before) {
  // So that the next scan sees whether they have left; and so that it has another stamp than a
  // cookie.
  if (is_cookies || scan->oldest != RCUSHIMS_OUTSIDE) advance_stamp(flavor);
  pthread_mutex_unlock(&rcushims_registry_locks[flavor]);
#if !defined(__x86_64__)
  if (!fence_readers(flavor)) scan->oldest = scan->oldest_open = 0;
#endif
  // Cookies of qsbr don't exist: its readers don't tell sections apart.
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
  // A writer starts many.
  sysshims_enter_lock();
  rcushims_join_registry(flavor);
  sysshims_leave_lock();
  bool is_masked = lock_for_scan(flavor, &before);
  advance_stamp(flavor);
  // Pairs with the reader's in `open_fenced`.
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
