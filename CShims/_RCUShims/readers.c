// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The list of reading threads, and what is done for every flavor alike.

#define _GNU_SOURCE 1

#include "lists.h"

#include <linux/membarrier.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];
__thread uint32_t rcushims_qsbr_state;

__thread struct listed_reader rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];

struct cds_list_head rcushims_lists[RCUSHIMS_FLAVOR_COUNT] = {
    CDS_LIST_HEAD_INIT(rcushims_lists[0]), CDS_LIST_HEAD_INIT(rcushims_lists[1]),
    CDS_LIST_HEAD_INIT(rcushims_lists[2]), CDS_LIST_HEAD_INIT(rcushims_lists[3])};
pthread_mutex_t rcushims_list_locks[RCUSHIMS_FLAVOR_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER};

pthread_rwlock_t rcushims_gates[RCUSHIMS_FLAVOR_COUNT] = {
    RCUSHIMS_GATE, RCUSHIMS_GATE, RCUSHIMS_GATE, RCUSHIMS_GATE};

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

// MARK: - The list

/// Locks the list against other threads and against handlers of this one, which may read.
static void lock_list(int flavor, sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, before);
  pthread_mutex_lock(&rcushims_list_locks[flavor]);
}

static void unlock_list(int flavor, const sigset_t *before) {
  pthread_mutex_unlock(&rcushims_list_locks[flavor]);
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void remove_from_list(int flavor) {
  sigset_t mask;
  lock_list(flavor, &mask);
  struct listed_reader *reader = &rcushims_own_readers[flavor];
  if (reader->is_listed) {
    cds_list_del(&reader->link);
    reader->is_listed = false;
  }
  unlock_list(flavor, &mask);
}

static bool is_registered(int flavor) {
  switch (flavor) {
    case RCUSHIMS_MEMB: return rcushims_memb_is_registered();
    case RCUSHIMS_MB: return rcushims_mb_is_registered();
    case RCUSHIMS_QSBR: return rcushims_qsbr_is_registered();
    default: return false;
  }
}

/// The end of a thread. liburcu's registry leads through its storage: it must not stay there.
static void thread_ends(void *ignored) {
  (void)ignored;
  remove_from_list(RCUSHIMS_BP);
  for (int flavor = RCUSHIMS_MEMB; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    bool is_listed = rcushims_own_readers[flavor].is_listed;
    if (is_listed && is_registered(flavor)) rcushims_unregister_thread(flavor);
    remove_from_list(flavor);
  }
}

static void make_exit_key(void) {
  (void)pthread_key_create(&exit_key, thread_ends);
  rcushims_install_fork_handlers();
}

static void add_to_list(int flavor, unsigned long *word, struct cds_list_head *registry_link) {
  pthread_once(&exit_key_once, make_exit_key);
  sigset_t mask;
  lock_list(flavor, &mask);
  struct listed_reader *reader = &rcushims_own_readers[flavor];
  if (reader->is_listed && reader->word != word) {
    // bp gave this thread another word: the thread is ending, and reads again.
    cds_list_del(&reader->link);
    reader->is_listed = false;
  }
  if (!reader->is_listed) {
    reader->word = word;
    reader->registry_link = registry_link;
    reader->qsbr_state = flavor == RCUSHIMS_QSBR ? &rcushims_qsbr_state : NULL;
    reader->thread = (pid_t)syscall(SYS_gettid);
    reader->is_listed = true;
    cds_list_add(&reader->link, &rcushims_lists[flavor]);
    // Any value that isn't NULL: the key's destructor then runs at the thread's end.
    (void)pthread_setspecific(exit_key, rcushims_own_readers);
  }
  unlock_list(flavor, &mask);
}

// MARK: - First sections

void rcushims_bp_read_lock_slow(void) {
  urcu_bp_register_thread();
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  add_to_list(RCUSHIMS_BP, &reader->ctr, NULL);
  cmm_barrier();
  unsigned long word = reader->ctr;
  if (word & URCU_BP_GP_CTR_NEST_MASK) {
    RCUSHIMS_STORE(reader->ctr, (word + URCU_BP_GP_COUNT) | RCUSHIMS_LISTED);
  } else {
    RCUSHIMS_STORE(reader->ctr, _CMM_LOAD_SHARED(urcu_bp_gp.ctr) | RCUSHIMS_LISTED);
    urcu_bp_smp_mb_slave();
  }
}

#define COUNTING_FLAVOR(flavor, number, order)                                                  \
  bool rcushims_##flavor##_read_lock_slow(void) {                                               \
    struct urcu_reader *reader = &URCU_TLS(urcu_##flavor##_reader);                             \
    if (!reader->registered) return false;                                                      \
    add_to_list(number, &reader->ctr, &reader->node);                                           \
    cmm_barrier();                                                                              \
    unsigned long word = reader->ctr;                                                           \
    if (word & URCU_GP_CTR_NEST_MASK) {                                                         \
      RCUSHIMS_STORE(reader->ctr, (word + URCU_GP_COUNT) | RCUSHIMS_LISTED);                 \
    } else {                                                                                    \
      RCUSHIMS_STORE(reader->ctr, _CMM_LOAD_SHARED(urcu_##flavor##_gp.ctr) | RCUSHIMS_LISTED); \
      order();                                                                                  \
    }                                                                                           \
    return true;                                                                                \
  }

COUNTING_FLAVOR(memb, RCUSHIMS_MEMB, urcu_memb_smp_mb_slave)
COUNTING_FLAVOR(mb, RCUSHIMS_MB, cmm_smp_mb)

// MARK: - Registration

void rcushims_register_thread(int flavor) {
  pthread_rwlock_rdlock(&rcushims_gates[flavor]);
  switch (flavor) {
    case RCUSHIMS_MEMB:
      urcu_memb_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_memb_reader).ctr, &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      urcu_mb_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_mb_reader).ctr, &URCU_TLS(urcu_mb_reader).node);
      break;
    case RCUSHIMS_QSBR:
      urcu_qsbr_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_qsbr_reader).ctr, &URCU_TLS(urcu_qsbr_reader).node);
      __atomic_store_n(&rcushims_qsbr_state, 1, __ATOMIC_RELAXED);
      break;
    default: urcu_bp_register_thread(); break;
  }
  pthread_rwlock_unlock(&rcushims_gates[flavor]);
}

void rcushims_unregister_thread(int flavor) {
  rcushims_annotate_release(&rcushims_tags[flavor]);
  // Waiting at the gate, a thread must not hold up the grace period that the gate waits for.
  if (flavor == RCUSHIMS_QSBR && rcushims_qsbr_state != 0) rcushims_qsbr_go_offline();
  pthread_rwlock_rdlock(&rcushims_gates[flavor]);
  // Off both lists within the gate: a child takes off liburcu's who is on ours.
  remove_from_list(flavor);
  switch (flavor) {
    case RCUSHIMS_MEMB:
      urcu_memb_unregister_thread();
      RCUSHIMS_STORE(URCU_TLS(urcu_memb_reader).ctr, 0);
      break;
    case RCUSHIMS_MB:
      urcu_mb_unregister_thread();
      RCUSHIMS_STORE(URCU_TLS(urcu_mb_reader).ctr, 0);
      break;
    case RCUSHIMS_QSBR: urcu_qsbr_unregister_thread(); break;
    default: break;
  }
  pthread_rwlock_unlock(&rcushims_gates[flavor]);
}

// MARK: - Grace periods

static void synchronize_qsbr(void) {
  // liburcu takes the thread offline while it waits, but not while it waits at our gate.
  bool was_online = rcushims_qsbr_state != 0;
  if (was_online) rcushims_qsbr_go_offline();
  pthread_rwlock_rdlock(&rcushims_gates[RCUSHIMS_QSBR]);
  urcu_qsbr_synchronize_rcu();
  pthread_rwlock_unlock(&rcushims_gates[RCUSHIMS_QSBR]);
  if (was_online) rcushims_qsbr_go_online();
}

void rcushims_synchronize(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: urcu_bp_synchronize_rcu(); break;
    case RCUSHIMS_QSBR: synchronize_qsbr(); break;
    default:
      pthread_rwlock_rdlock(&rcushims_gates[flavor]);
      if (flavor == RCUSHIMS_MEMB) {
        urcu_memb_synchronize_rcu();
      } else {
        urcu_mb_synchronize_rcu();
      }
      pthread_rwlock_unlock(&rcushims_gates[flavor]);
      break;
  }
  rcushims_annotate_acquire(&rcushims_tags[flavor]);
}

/// A full barrier in every thread of the process that has sections without fences; false if there
/// is none.
static bool fence_readers(int flavor) {
  cmm_smp_mb();
  bool is_needed = (flavor == RCUSHIMS_BP && urcu_bp_has_sys_membarrier) ||
                   (flavor == RCUSHIMS_MEMB && urcu_memb_has_sys_membarrier);
  return !is_needed || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0;
}

/// Whether a thread is seen inside a section. Under the list's lock.
static bool is_anybody_inside(int flavor) {
  struct listed_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_lists[flavor], link) {
    unsigned long word = __atomic_load_n(reader->word, __ATOMIC_ACQUIRE);
    if ((word & URCU_GP_CTR_NEST_MASK) != 0) return true;
  }
  return false;
}

// Why no waiting is needed. Each reader passes the barrier somewhere. If it opens a section before
// that point, its word says so when we look. If it opens one after it, it sees everything that
// was unpublished before the call. Threads come onto the list before their first section, and our
// hold on the lock orders that. What a reader did in sections that were over when we looked comes
// before its word's store: on x86-64 by itself, elsewhere by the second barrier.
//
// The look before the barrier proves nothing, but spares the barrier where it would be for nothing: it
// interrupts the processors of all threads that run.
bool rcushims_pass_grace_period(int flavor) {
  if (flavor == RCUSHIMS_QSBR || rcushims_is_lost(flavor)) return false;
  sigset_t mask;
  lock_list(flavor, &mask);
  bool has_passed =
      !is_anybody_inside(flavor) && fence_readers(flavor) && !is_anybody_inside(flavor);
  unlock_list(flavor, &mask);
  if (!has_passed) return false;
#if !defined(__x86_64__)
  if (!fence_readers(flavor)) return false;
#endif
  rcushims_annotate_acquire(&rcushims_tags[flavor]);
  return true;
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
  return *nesting != 0 && ((word ^ now) & URCU_GP_CTR_PHASE) != 0;
}

size_t rcushims_blocking_readers(int flavor, struct rcushims_blocking_reader *found,
                                 size_t capacity) {
  sigset_t mask;
  lock_list(flavor, &mask);
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
  unlock_list(flavor, &mask);
  return count;
}

size_t rcushims_listed_thread_count(int flavor) {
  sigset_t mask;
  lock_list(flavor, &mask);
  size_t count = 0;
  struct cds_list_head *link;
  cds_list_for_each(link, &rcushims_lists[flavor]) count += 1;
  unlock_list(flavor, &mask);
  return count;
}

/// Notes which threads are outside of sections; whether all have been since `start`.
static bool all_seen_outside(int flavor, uint64_t start) {
  sigset_t mask;
  lock_list(flavor, &mask);
  uint64_t now = rcushims_now();
  bool all = true;
  struct listed_reader *reader;
  cds_list_for_each_entry(reader, &rcushims_lists[flavor], link) {
    unsigned long word = __atomic_load_n(reader->word, __ATOMIC_RELAXED);
    if ((word & URCU_GP_CTR_NEST_MASK) == 0) reader->seen_outside = now;
    all = all && reader->seen_outside >= start;
  }
  unlock_list(flavor, &mask);
  return all;
}

void rcushims_await_readers(int flavor, unsigned microseconds) {
  // qsbr's readers announce by themselves, and its grace period is woken by them.
  if (flavor == RCUSHIMS_QSBR) return;
  uint64_t start = rcushims_now();
  while (!all_seen_outside(flavor, start) &&
         rcushims_now() - start < (uint64_t)microseconds * 1000) {
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 10000};
    nanosleep(&pause, NULL);
  }
}
