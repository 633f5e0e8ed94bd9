// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What is done around a fork, so that a child can read, wait and register threads.

#define _GNU_SOURCE 1

#include "lists.h"

#include <sys/syscall.h>
#include <unistd.h>

// <urcu/call-rcu.h> declares these for one flavor only, the last whose header came.
#define CALL_RCU_HOOKS(flavor)                        \
  void urcu_##flavor##_call_rcu_before_fork(void);       \
  void urcu_##flavor##_call_rcu_after_fork_parent(void); \
  void urcu_##flavor##_call_rcu_after_fork_child(void);

CALL_RCU_HOOKS(bp)
CALL_RCU_HOOKS(memb)
CALL_RCU_HOOKS(mb)
CALL_RCU_HOOKS(qsbr)

/// What the library's Swift side does around a fork; NULL before it has something to do. Written under
/// `hooks_lock`, which a fork holds.
static const struct rcushims_fork_hooks *fork_hooks;
static pthread_mutex_t hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/// Of the forking thread, for the time of the fork.
static __thread bool is_skipped[RCUSHIMS_FLAVOR_COUNT];
static __thread bool was_online;
static __thread sigset_t mask_before;
static __thread const struct rcushims_fork_hooks *hooks;

/// In a child: forked inside a section of this flavor, while others may have held its locks.
static bool is_lost[RCUSHIMS_FLAVOR_COUNT];

bool rcushims_is_lost(int flavor) { return is_lost[flavor]; }

bool rcushims_is_inside(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return rcushims_bp_read_ongoing();
    case RCUSHIMS_MEMB: return rcushims_memb_read_ongoing();
    case RCUSHIMS_MB: return rcushims_mb_read_ongoing();
    default: return rcushims_qsbr_read_ongoing();
  }
}

// liburcu's call_rcu hooks also stop and restart the threads that resize its hash tables. They come
// first: such a thread may wait for a grace period before it stops.
static void lock_for_fork(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP:
      urcu_bp_call_rcu_before_fork();
      urcu_bp_before_fork();
      break;
    case RCUSHIMS_MEMB: urcu_memb_call_rcu_before_fork(); break;
    case RCUSHIMS_MB: urcu_mb_call_rcu_before_fork(); break;
    default: urcu_qsbr_call_rcu_before_fork(); break;
  }
  if (flavor != RCUSHIMS_BP) pthread_rwlock_wrlock(&rcushims_gates[flavor]);
}

static void unlock_in_parent(int flavor) {
  pthread_mutex_unlock(&rcushims_list_locks[flavor]);
  if (flavor != RCUSHIMS_BP) pthread_rwlock_unlock(&rcushims_gates[flavor]);
  switch (flavor) {
    case RCUSHIMS_BP:
      urcu_bp_after_fork_parent();
      urcu_bp_call_rcu_after_fork_parent();
      break;
    case RCUSHIMS_MEMB: urcu_memb_call_rcu_after_fork_parent(); break;
    case RCUSHIMS_MB: urcu_mb_call_rcu_after_fork_parent(); break;
    default: urcu_qsbr_call_rcu_after_fork_parent(); break;
  }
}

static void unlock_all_in_parent(void) {
  pthread_mutex_unlock(&hooks_lock);
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (!is_skipped[flavor]) unlock_in_parent(flavor);
  }
}

/// Takes all locks, with signals blocked: a handler that reads for the first time would want one, and one that
/// forks all.
static void lock_all(void) {
  // Pairs with the releasing store in `rcushims_set_fork_hooks`.
  const struct rcushims_fork_hooks *found = __atomic_load_n(&fork_hooks, __ATOMIC_ACQUIRE);
  if (found) found->before();
  rcushims_block_signals(&mask_before);
  hooks = found;
  for (int flavor = RCUSHIMS_FLAVOR_COUNT - 1; flavor >= 0; flavor -= 1) {
    if (!is_skipped[flavor]) lock_for_fork(flavor);
  }
  // After what waits for grace periods: a reader may need these locks to leave its section.
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (!is_skipped[flavor]) pthread_mutex_lock(&rcushims_list_locks[flavor]);
  }
  pthread_mutex_lock(&hooks_lock);
}

static void before_fork(void) {
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    // Inside a section the grace period under way waits for this thread: don't wait for it.
    is_skipped[flavor] = is_lost[flavor] || rcushims_is_inside(flavor);
  }
  // Online, this thread would hold up the grace period that it is about to wait for.
  bool is_online = rcushims_qsbr_is_between_sections();
  if (is_online) rcushims_qsbr_go_offline();
  lock_all();
  while (hooks != fork_hooks) {
    // Another thread has set them meanwhile. What they do first comes before the locks.
    unlock_all_in_parent();
    pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
    lock_all();
  }
  // Not before: a handler may have forked.
  was_online = is_online;
  if (hooks) hooks->lock();
}

/// As it was before: the fork is over.
static void let_handlers_run(void) {
  bool is_online = was_online;
  pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
  if (is_online) rcushims_qsbr_go_online();
}

static void after_fork_in_parent(void) {
  unlock_all_in_parent();
  if (hooks) hooks->after_in_parent();
  let_handlers_run();
}

/// Whether the thread with this link is in liburcu's registry: C code may have taken it off.
static bool is_in_registry(int flavor, struct cds_list_head *link) {
  if (!link) return false;
  if (flavor == RCUSHIMS_QSBR) return caa_container_of(link, struct urcu_qsbr_reader, node)->registered;
  return caa_container_of(link, struct urcu_reader, node)->registered;
}

/// In a child that nobody will wait in: the list may have been left in the midst of a change.
static void abandon_list(int flavor) {
  rcushims_list_locks[flavor] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  CDS_INIT_LIST_HEAD(&rcushims_lists[flavor]);
  struct listed_reader *own = &rcushims_own_readers[flavor];
  if (own->is_listed) cds_list_add(&own->link, &rcushims_lists[flavor]);
}

/// Takes the threads that the child doesn't have off our list and off liburcu's registry.
static void forget_other_threads(int flavor) {
  struct listed_reader *own = &rcushims_own_readers[flavor];
  struct listed_reader *reader, *next;
  cds_list_for_each_entry_safe(reader, next, &rcushims_lists[flavor], link) {
    if (reader == own) continue;
    if (is_in_registry(flavor, reader->registry_link)) cds_list_del(reader->registry_link);
    cds_list_del(&reader->link);
  }
  if (own->is_listed) own->thread = (pid_t)syscall(SYS_gettid);
}

static void unlock_in_child(int flavor) {
  forget_other_threads(flavor);
  pthread_mutex_unlock(&rcushims_list_locks[flavor]);
  if (flavor != RCUSHIMS_BP) rcushims_gates[flavor] = (pthread_rwlock_t)RCUSHIMS_GATE;
  switch (flavor) {
    case RCUSHIMS_BP:
      urcu_bp_after_fork_child();
      urcu_bp_call_rcu_after_fork_child();
      break;
    case RCUSHIMS_MEMB: urcu_memb_call_rcu_after_fork_child(); break;
    case RCUSHIMS_MB: urcu_mb_call_rcu_after_fork_child(); break;
    default: urcu_qsbr_call_rcu_after_fork_child(); break;
  }
}

static void after_fork_in_child(void) {
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (is_skipped[flavor]) {
      is_lost[flavor] = true;
      abandon_list(flavor);
    } else {
      unlock_in_child(flavor);
    }
  }
  pthread_mutex_unlock(&hooks_lock);
  if (hooks) hooks->after_in_child();
  let_handlers_run();
}

static void install_fork_handlers(void) {
  (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void rcushims_install_fork_handlers(void) { pthread_once(&fork_once, install_fork_handlers); }

void rcushims_set_fork_hooks(struct rcushims_fork_hooks new_hooks) {
  static struct rcushims_fork_hooks kept_hooks;
  rcushims_install_fork_handlers();
  // A handler might fork.
  sigset_t before;
  rcushims_block_signals(&before);
  pthread_mutex_lock(&hooks_lock);
  if (!fork_hooks) {
    kept_hooks = new_hooks;
    // Pairs with the acquiring load in `lock_all`.
    __atomic_store_n(&fork_hooks, &kept_hooks, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&hooks_lock);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}
