// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What is done around a fork, so that a child can read, wait and register threads.
//
// The leader of the process's copies (copies.c) does liburcu's part once, and each copy does its
// own part. Each step ends in all copies before the next step begins in any, since a copy's step
// may wait for something that another copy's next step holds up.

#define _GNU_SOURCE 1

#include "../registry.h"

#include <sys/syscall.h>
#include <unistd.h>

// <urcu/call-rcu.h> declares these for one flavor only: that of the last header included.
#define CALL_RCU_HOOKS(flavor)                        \
  void urcu_##flavor##_call_rcu_before_fork(void);       \
  void urcu_##flavor##_call_rcu_after_fork_parent(void); \
  void urcu_##flavor##_call_rcu_after_fork_child(void);

CALL_RCU_HOOKS(bp)
CALL_RCU_HOOKS(memb)
CALL_RCU_HOOKS(mb)
CALL_RCU_HOOKS(qsbr)

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

/// What the library's Swift code does around a fork; NULL until it has something to do. Written
/// under `hooks_lock`, which a fork holds.
static const struct rcushims_fork_hooks *fork_hooks;
static pthread_mutex_t hooks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

/// On the forking thread, during the fork; otherwise false and NULL.
static __thread bool was_online;
static __thread const struct rcushims_fork_hooks *hooks;

/// In a child: whether the fork happened inside a section of this flavor, so that other threads may
/// have held its locks.
static bool is_lost[RCUSHIMS_FLAVOR_COUNT];
static bool is_stranded;
/// In a child: whether this copy took part in the fork. If so, its first use, which may have been
/// in progress in another thread of the parent, has nothing left to install.
static bool is_installed;

bool rcushims_is_lost(int flavor) { return is_lost[flavor]; }
bool rcushims_is_stranded(void) { return is_stranded; }

bool rcushims_is_inside(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return rcushims_bp_read_ongoing();
    case RCUSHIMS_MEMB: return rcushims_memb_read_ongoing();
    case RCUSHIMS_MB: return rcushims_mb_read_ongoing();
    default: return rcushims_qsbr_read_ongoing();
  }
}

// MARK: - This copy's steps

static bool holds_locks(void) { return sysshims_locks_held != 0; }

/// Inside a section, this thread would wait for a grace period that waits for this thread.
static bool must_be_skipped(int flavor) { return is_lost[flavor] || rcushims_is_inside(flavor); }

static void before(void) {
  // While online, this thread would hold up the grace period that it is about to wait for. Done
  // once, even if the fork begins again.
  if (rcushims_qsbr_is_between_sections()) {
    rcushims_qsbr_go_offline();
    was_online = true;
  }
  // Pairs with the releasing store in `rcushims_set_fork_hooks`.
  const struct rcushims_fork_hooks *found = __atomic_load_n(&fork_hooks, __ATOMIC_ACQUIRE);
  if (found && hooks != found) found->before();
  hooks = found;
}

static void take_fork_lock(int flavor) { pthread_rwlock_wrlock(&rcushims_fork_locks[flavor]); }

static void unlock(const bool *is_skipped) {
  pthread_mutex_unlock(&hooks_lock);
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (is_skipped[flavor]) continue;
    pthread_mutex_unlock(&rcushims_registry_locks[flavor]);
    if (flavor != RCUSHIMS_BP) pthread_rwlock_unlock(&rcushims_fork_locks[flavor]);
  }
}

/// After everything that waits for grace periods: a reader may need these locks to leave its
/// section.
static bool lock(const bool *is_skipped) {
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (!is_skipped[flavor]) pthread_mutex_lock(&rcushims_registry_locks[flavor]);
  }
  pthread_mutex_lock(&hooks_lock);
  // False if another thread has set the hooks meanwhile: their `before` must run before the locks
  // are taken.
  return hooks == fork_hooks;
}

static void lock_hooks(void) {
  if (hooks) hooks->lock();
}

static void after_in_parent(void) {
  if (hooks) hooks->after_in_parent();
  hooks = NULL;
}

static void go_online_again(void) {
  if (was_online) rcushims_qsbr_go_online();
  was_online = false;
}

/// Whether the thread with this link is in liburcu's registry. C code may have removed it.
static bool is_in_registry(int flavor, struct cds_list_head *link) {
  if (!link) return false;
  if (flavor == RCUSHIMS_QSBR)
    return caa_container_of(link, struct urcu_qsbr_reader, node)->registered;
  return caa_container_of(link, struct urcu_reader, node)->registered;
}

/// Removes a thread that the child doesn't have from liburcu's registry. Checks first, since
/// another copy may have done so already.
static void take_off_registry(int flavor, struct cds_list_head *link) {
  if (!is_in_registry(flavor, link)) return;
  cds_list_del(link);
  if (flavor == RCUSHIMS_QSBR) {
    caa_container_of(link, struct urcu_qsbr_reader, node)->registered = 0;
  } else {
    caa_container_of(link, struct urcu_reader, node)->registered = 0;
  }
}

/// Removes the threads that the child doesn't have from our registry and from liburcu's.
static void forget_other_threads(int flavor) {
  struct registered_reader *own = rcushims_own_readers[flavor];
  struct registered_reader *reader, *next;
  cds_list_for_each_entry_safe(reader, next, &rcushims_registries[flavor], link) {
    if (reader == own) continue;
    take_off_registry(flavor, reader->registry_link);
    rcushims_drop_reader(flavor, reader);
  }
  if (own) own->thread = (pid_t)syscall(SYS_gettid);
}

/// In a child that must never wait: the registry may have been caught in the middle of a change.
static void abandon_list(int flavor) {
  rcushims_registry_locks[flavor] = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
  CDS_INIT_LIST_HEAD(&rcushims_registries[flavor]);
  struct registered_reader *own = rcushims_own_readers[flavor];
  if (own) cds_list_add(&own->link, &rcushims_registries[flavor]);
}

static void release_fork_lock_in_child(int flavor) {
  rcushims_fork_locks[flavor] = (pthread_rwlock_t)RCUSHIMS_FORK_LOCK;
}

static void after_in_child(const bool *is_skipped) {
  is_installed = true;
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (is_skipped[flavor]) {
      is_lost[flavor] = true;
      abandon_list(flavor);
    } else {
      pthread_mutex_unlock(&rcushims_registry_locks[flavor]);
    }
  }
  pthread_mutex_unlock(&hooks_lock);
  if (hooks) hooks->after_in_child();
  hooks = NULL;
  // The locks of the library's Swift code have been initialised anew.
  sysshims_locks_held = 0;
}

static void strand(void) {
  is_installed = true;
  is_stranded = true;
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) is_lost[flavor] = true;
}

static const struct rcushims_fork_steps steps = {
    .holds_locks = holds_locks,
    .is_skipped = must_be_skipped,
    .before = before,
    .take_fork_lock = take_fork_lock,
    .lock = lock,
    .unlock = unlock,
    .lock_hooks = lock_hooks,
    .after_in_parent = after_in_parent,
    .forget = forget_other_threads,
    .release_fork_lock_in_child = release_fork_lock_in_child,
    .after_in_child = after_in_child,
    .go_online_again = go_online_again,
    .strand = strand,
};

// MARK: - The leader, for all copies

/// On the forking thread, during the fork.
static __thread struct {
  /// 1, or more if a handler forks that has interrupted the beginning of another fork.
  unsigned depth;
  /// The fork has interrupted this library, and takes no locks.
  bool takes_nothing;
  /// The flavors that the fork leaves alone.
  bool is_skipped[RCUSHIMS_FLAVOR_COUNT];
  /// The first copy of the row. Until the row is locked, others may be put in front of it; then the
  /// fork begins again.
  struct rcushims_copy *first;
  /// The signals that were blocked before the fork.
  sigset_t mask;
} fork_under_way;

// The leader comes last.
#define FOR_EACH_COPY(copy)                                                                 \
  for (struct rcushims_copy *copy = fork_under_way.first ? fork_under_way.first             \
                                                         : &rcushims_this_copy;             \
       copy; copy = copy == &rcushims_this_copy ? NULL : copy->next ? copy->next            \
                                                                    : &rcushims_this_copy)

// liburcu's call_rcu hooks also stop and restart the threads that resize its hash tables. They come
// first, since such a thread may wait for a grace period before it stops.
static void lock_liburcu(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP:
      urcu_bp_call_rcu_before_fork();
      urcu_bp_before_fork();
      break;
    case RCUSHIMS_MEMB: urcu_memb_call_rcu_before_fork(); break;
    case RCUSHIMS_MB: urcu_mb_call_rcu_before_fork(); break;
    default: urcu_qsbr_call_rcu_before_fork(); break;
  }
}

static void unlock_liburcu_in_parent(int flavor) {
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

static void unlock_liburcu_in_child(int flavor) {
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

/// Whether no copy has joined meanwhile.
static bool lock_row(void) {
  pthread_mutex_lock(&rcushims_this_copy.row_lock);
  return rcushims_this_copy.next == fork_under_way.first;
}

static void unlock_row(void) { pthread_mutex_unlock(&rcushims_this_copy.row_lock); }

static void unlock_all_in_parent(void) {
  unlock_row();
  FOR_EACH_COPY(copy) copy->steps->unlock(fork_under_way.is_skipped);
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (!fork_under_way.is_skipped[flavor]) unlock_liburcu_in_parent(flavor);
  }
}

/// Takes all locks, with signals blocked: a handler that reads for the first time would need one of
/// them, and a handler that forks all of them. Returns whether no copy has changed since.
static bool lock_all(void) {
  FOR_EACH_COPY(copy) copy->steps->before();
  sigset_t mask;
  sysshims_block_signals(&mask);
  fork_under_way.mask = mask;
  for (int flavor = RCUSHIMS_FLAVOR_COUNT - 1; flavor >= 0; flavor -= 1) {
    if (fork_under_way.is_skipped[flavor]) continue;
    lock_liburcu(flavor);
    if (flavor == RCUSHIMS_BP) continue;
    FOR_EACH_COPY(copy) copy->steps->take_fork_lock(flavor);
  }
  bool is_unchanged = true;
  FOR_EACH_COPY(copy) is_unchanged = copy->steps->lock(fork_under_way.is_skipped) && is_unchanged;
  return lock_row() && is_unchanged;
}

/// Wakes grace periods that wait for a section of this thread that has ended. The forking handler
/// may have interrupted the thread between its last store and the call that wakes them, and the
/// fork would then wait for them. A grace period that begins to wait later checks this thread once
/// more first.
static void wake_grace_periods(void) {
  cmm_smp_mb();
  urcu_common_wake_up_gp(&urcu_memb_gp);
  urcu_common_wake_up_gp(&urcu_mb_gp);
  urcu_qsbr_wake_up_gp();
}

static void before_fork(void) {
  fork_under_way.depth += 1;
  if (fork_under_way.depth > 1) return;
  fork_under_way.first = rcushims_this_copy.next;
  bool takes_nothing = false;
  FOR_EACH_COPY(copy) takes_nothing = takes_nothing || copy->steps->holds_locks();
  fork_under_way.takes_nothing = takes_nothing;
  // Taking the locks again would be to wait for itself.
  if (takes_nothing) return;
  wake_grace_periods();
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    bool is_skipped = false;
    FOR_EACH_COPY(copy) is_skipped = is_skipped || copy->steps->is_skipped(flavor);
    fork_under_way.is_skipped[flavor] = is_skipped;
  }
  while (!lock_all()) {
    struct rcushims_copy *first = rcushims_this_copy.next;
    unlock_all_in_parent();
    fork_under_way.first = first;
    pthread_sigmask(SIG_SETMASK, &fork_under_way.mask, NULL);
  }
  FOR_EACH_COPY(copy) copy->steps->lock_hooks();
}

static void end_fork(void) {
  fork_under_way.depth = 0;
  pthread_sigmask(SIG_SETMASK, &fork_under_way.mask, NULL);
  FOR_EACH_COPY(copy) copy->steps->go_online_again();
}

static void after_fork_in_parent(void) {
  if (fork_under_way.depth > 1 || fork_under_way.takes_nothing) {
    fork_under_way.depth -= 1;
    return;
  }
  unlock_all_in_parent();
  FOR_EACH_COPY(copy) copy->steps->after_in_parent();
  end_fork();
}

static void after_fork_in_child(void) {
  if (fork_under_way.depth > 1 || fork_under_way.takes_nothing) {
    fork_under_way.depth -= 1;
    FOR_EACH_COPY(copy) copy->steps->strand();
    return;
  }
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (fork_under_way.is_skipped[flavor]) continue;
    FOR_EACH_COPY(copy) copy->steps->forget(flavor);
    if (flavor != RCUSHIMS_BP) {
      FOR_EACH_COPY(copy) copy->steps->release_fork_lock_in_child(flavor);
    }
    unlock_liburcu_in_child(flavor);
  }
  FOR_EACH_COPY(copy) copy->steps->after_in_child(fork_under_way.is_skipped);
  unlock_row();
  end_fork();
}

// MARK: - Installation

static void install_fork_handlers(void) {
  if (is_installed) return;
  rcushims_this_copy.steps = &steps;
  // Signals are blocked, since a handler might fork.
  sigset_t mask;
  sysshims_enter_lock();
  sysshims_block_signals(&mask);
  if (rcushims_join_leader()) {
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    unlock_row();
  }
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  sysshims_leave_lock();
}

void rcushims_install_fork_handlers(void) { pthread_once(&fork_once, install_fork_handlers); }

void rcushims_set_fork_hooks(struct rcushims_fork_hooks new_hooks) {
  static struct rcushims_fork_hooks kept_hooks;
  rcushims_install_fork_handlers();
  // Signals are blocked, since a handler might fork.
  sigset_t mask;
  sysshims_block_signals(&mask);
  pthread_mutex_lock(&hooks_lock);
  if (!fork_hooks) {
    kept_hooks = new_hooks;
    // Pairs with the acquiring load in `before`.
    __atomic_store_n(&fork_hooks, &kept_hooks, __ATOMIC_RELEASE);
  }
  pthread_mutex_unlock(&hooks_lock);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
}
