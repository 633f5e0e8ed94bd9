// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What another thread sees that looks at those who read: whether they have left their sections, and who
// hasn't.

#define _GNU_SOURCE 1

#include "lists.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// As Swift's own symbols: in a file that is linked with a copy of this library, they are never another file's.
#pragma GCC visibility push(protected)

/// A full barrier in every thread of the process, where sections of this flavor may have none of their own;
/// false if that fails.
static bool fence_readers(int flavor) {
  cmm_smp_mb();
  return !rcushims_has_membarrier(flavor) ||
         syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0;
}

// MARK: - Looking at the readers

static const struct rcushims_view nothing_passes = {
    .oldest = 0, .oldest_open = 0, .sealed_count = 0};

/// How many looks there have been at each flavor's readers. Changed under the list's lock.
static uint64_t look_counts[RCUSHIMS_FLAVOR_COUNT];

/// Gives the sections that begin from now on another mark. Under the list's lock.
static void change_mark(int flavor) {
  struct rcushims_mark *mark = &rcushims_marks[flavor];
  RCUSHIMS_STORE(mark->light, mark->light + RCUSHIMS_NEXT_MARK);
  // Not releasing. At a watch's beginning a fence follows: what a writer then does and publishes comes later. No
  // watch has the number that the end of a look brings.
  RCUSHIMS_STORE(mark->number, mark->number + 1);
}

/// Whether a word is surely of another section than one noted before: it has another mark or phase, and
/// neither changes while a section lasts.
static bool is_another_section(unsigned long word, unsigned long noted) {
  return ((word ^ noted) & (URCU_GP_CTR_PHASE | -RCUSHIMS_NEXT_MARK)) != 0;
}

// Tests/Models/readers.pml is a model of this, of sections (readers.c), and of what a pool does with both; `make
// prove` checks it for x86-64 and for arm64.
//
// Why a grace period has passed from a watch to a later look that finds nobody in the section that they
// were in when the watch began. Each light reader passes the barrier at the watch's beginning somewhere. If it
// opens a section before that point, its word says so when we look, unless the section is over by then. If
// it opens one after it, it sees everything that was unpublished before the call. The same is true of a
// fenced reader by its own fence, which comes after its word's store and before it loads anything. So only
// those that are seen inside then need to be waited for, and only until they leave that section: then
// they are outside, or in a section of another mark. The same mark proves nothing: since it was last changed,
// or within C code, which has none, or after 2^21 changes, there may have been other sections. Then the
// thread is looked at once more, after a change.
//
// A thread becomes light with a word that is stored before a fence, too: if we still see the word before,
// the fence comes after our look, and all that follows sees what was published. It becomes fenced
// with a word behind which all of its light sections have ended.
//
// Threads come onto the list before their first section, and our hold on the lock orders that; they go off
// it outside. What a reader did in a section that it has left comes before its word's store: on x86-64 by
// itself, elsewhere by another barrier, after we have seen it.
//
// Why a sealed section doesn't see what was published after a watch had begun whose mark has a larger number
// than the section's. Between its loads of pointers, which are acquiring ones, and the first time that it follows
// one, it finds the number unchanged, or it leaves. Had a pointer been published after the watch had changed the
// mark, the number would have been the watch's or a later one.
// If we see that a section is sealed, we see its number, or the one of a later section of the thread, which began
// after we had seen the word: no watch up to this look waits for that.
// A section that is opened within it unseals it, and has a fence behind that: it is one that begins then.

/// Notes who is inside, and since which look. Under the list's lock.
/// Returns whether there are light threads beside the caller.
static bool note_readers(int flavor, uint64_t look, struct rcushims_view *view) {
  bool is_anybody_light = false;
  view->oldest = RCUSHIMS_OUTSIDE;
  view->oldest_open = RCUSHIMS_OUTSIDE;
  view->sealed_count = 0;
  struct listed_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_lists[flavor], link) {
    // Pairs with the releasing store in `open_fenced`.
    unsigned long word = __atomic_load_n(reader->word, __ATOMIC_ACQUIRE);
    // C code's sections have neither bit, and another copy's say nothing of ours.
    bool is_ours = rcushims_is_ours(flavor, word);
    if (!(is_ours && (word & RCUSHIMS_FENCED)) && reader != rcushims_own_readers[flavor])
      is_anybody_light = true;
    if (!rcushims_is_inside_word(word)) {
      reader->since = RCUSHIMS_OUTSIDE;
      continue;
    }
    if (reader->since == RCUSHIMS_OUTSIDE || is_another_section(word, reader->noted_word)) {
      reader->since = look;
      reader->noted_word = word;
    }
    if (reader->since < view->oldest) view->oldest = reader->since;
    if (is_ours && (word & RCUSHIMS_SEALED) && view->sealed_count < RCUSHIMS_SEALED_READERS_MAX) {
      struct rcushims_sealed_reader *sealed = &view->sealed[view->sealed_count];
      sealed->since = reader->since;
      sealed->number = RCUSHIMS_LOAD(reader->sealed_number);
      view->sealed_count += 1;
    } else if (reader->since < view->oldest_open) {
      view->oldest_open = reader->since;
    }
  }
  return is_anybody_light;
}

/// Ends a look. Under the list's lock, which it releases.
static void end_look(int flavor, struct rcushims_view *view) {
  // So that the next look sees whether they have left.
  if (view->oldest != RCUSHIMS_OUTSIDE) change_mark(flavor);
  pthread_mutex_unlock(&rcushims_list_locks[flavor]);
#if !defined(__x86_64__)
  if (!fence_readers(flavor)) *view = nothing_passes;
#endif
  sysshims_annotate_acquire(&rcushims_tags[flavor]);
}

struct rcushims_watch rcushims_start_watch(int flavor, struct rcushims_view *view) {
  struct rcushims_watch watch = {.look = 0, .number = 0, .interruption = 0};
  *view = nothing_passes;
  if (flavor == RCUSHIMS_QSBR || rcushims_is_lost(flavor)) return watch;
  sysshims_enter_lock();
  rcushims_join_list(flavor);
  pthread_mutex_lock(&rcushims_list_locks[flavor]);
  change_mark(flavor);
  // Pairs with the reader's in `open_fenced`.
  cmm_smp_mb();
  uint64_t look = ++look_counts[flavor];
  bool are_fenced = true;
  if (note_readers(flavor, look, view)) {
    uint64_t start = sysshims_now();
    are_fenced = fence_readers(flavor);
    watch.interruption = sysshims_now() - start;
    if (are_fenced) (void)note_readers(flavor, look, view);
  }
  if (are_fenced) {
    watch.look = look;
    watch.number = rcushims_marks[flavor].number;
  }
  end_look(flavor, view);
  sysshims_leave_lock();
  return watch;
}

struct rcushims_view rcushims_look(int flavor) {
  struct rcushims_view view = nothing_passes;
  if (flavor == RCUSHIMS_QSBR || rcushims_is_lost(flavor)) return view;
  sysshims_enter_lock();
  rcushims_join_list(flavor);
  pthread_mutex_lock(&rcushims_list_locks[flavor]);
  (void)note_readers(flavor, ++look_counts[flavor], &view);
  end_look(flavor, &view);
  sysshims_leave_lock();
  return view;
}

// MARK: - Who blocks

static unsigned long grace_period_word(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return CMM_LOAD_SHARED(urcu_bp_gp.ctr);
    case RCUSHIMS_MEMB: return CMM_LOAD_SHARED(urcu_memb_gp.ctr);
    case RCUSHIMS_MB: return CMM_LOAD_SHARED(urcu_mb_gp.ctr);
    default: return CMM_LOAD_SHARED(urcu_qsbr_gp.ctr);
  }
}

/// Whether a grace period that runs at `now` waits for this reader. As liburcu decides it.
static bool blocks(int flavor, const struct listed_reader *reader, unsigned long now,
                   uint32_t *nesting) {
  unsigned long word = __atomic_load_n(reader->word, __ATOMIC_RELAXED);
  if (flavor == RCUSHIMS_QSBR) {
    uint32_t state = __atomic_load_n(reader->qsbr_state, __ATOMIC_RELAXED);
    *nesting = state > 1 ? state - 1 : 0;
    return word != 0 && word != now;
  }
  *nesting = (uint32_t)(word & URCU_GP_CTR_NEST_MASK);
  return rcushims_is_inside_word(word) && ((word ^ now) & URCU_GP_CTR_PHASE) != 0;
}

size_t rcushims_blocking_readers(int flavor, struct rcushims_blocking_reader *found,
                                 size_t capacity) {
  sigset_t mask;
  rcushims_lock_list(flavor, &mask);
  unsigned long now = grace_period_word(flavor);
  size_t count = 0;
  struct listed_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_lists[flavor], link) {
    uint32_t nesting;
    if (!blocks(flavor, reader, now, &nesting)) continue;
    if (count < capacity) {
      found[count].thread = reader->thread;
      found[count].nesting = nesting;
    }
    count += 1;
  }
  rcushims_unlock_list(flavor, &mask);
  return count;
}

size_t rcushims_listed_thread_count(int flavor) {
  sigset_t mask;
  rcushims_lock_list(flavor, &mask);
  size_t count = 0;
  struct cds_list_head *link;
  cds_list_for_each(link, &rcushims_lists[flavor]) count += 1;
  rcushims_unlock_list(flavor, &mask);
  return count;
}

/// Notes which threads are outside of sections; whether all have been since `start`.
static bool all_seen_outside(int flavor, uint64_t start) {
  sigset_t mask;
  rcushims_lock_list(flavor, &mask);
  uint64_t now = sysshims_now();
  bool all = true;
  struct listed_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_lists[flavor], link) {
    unsigned long word = __atomic_load_n(reader->word, __ATOMIC_RELAXED);
    if (!rcushims_is_inside_word(word)) reader->seen_outside = now;
    all = all && reader->seen_outside >= start;
  }
  rcushims_unlock_list(flavor, &mask);
  return all;
}

void rcushims_await_readers(int flavor, unsigned microseconds) {
  // qsbr's readers announce by themselves, and its grace period is woken by them.
  if (flavor == RCUSHIMS_QSBR) return;
  uint64_t start = sysshims_now();
  while (!all_seen_outside(flavor, start) &&
         sysshims_now() - start < (uint64_t)microseconds * 1000) {
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 10000};
    nanosleep(&pause, NULL);
  }
}
