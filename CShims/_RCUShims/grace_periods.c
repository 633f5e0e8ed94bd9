// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Grace periods that a thread waits for: liburcu's, and what this library adds to them.

#define _GNU_SOURCE 1

#include "registry.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

/// Waits for the sections of readers that liburcu doesn't know.
static void await_late_readers(void) {
  struct rcushims_reader_scan scan;
  struct rcushims_cookie cookie = rcushims_start_grace_period(RCUSHIMS_BP, &scan);
  while (cookie.stamp != 0 && !rcushims_has_passed(&scan, cookie)) {
    struct timespec pause = {.tv_sec = 0, .tv_nsec = 100000};
    nanosleep(&pause, NULL);
    rcushims_scan_readers(RCUSHIMS_BP, &scan);
  }
}

/// Ends the process if membarrier has been forbidden. liburcu would end it too, but without saying
/// why. There is nothing to fall back to: after its store, a light section looks at nothing that
/// could ask it for a fence.
static void check_membarrier(int flavor) {
  if (!rcushims_has_membarrier(flavor)) return;
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0) >= 0) return;
  rcushims_fail(
      "swift-urcu: sys_membarrier worked when this process started, and is forbidden now; install "
      "filters of system calls before the first read section, allow membarrier in them, or use "
      "MemoryBarrierFlavor\n");
}

void rcushims_synchronize(int flavor) {
  check_membarrier(flavor);
  // liburcu takes a thread offline while it waits for a grace period, but not while it waits for
  // our fork lock.
  bool was_online = flavor == RCUSHIMS_QSBR && rcushims_qsbr_state != 0;
  if (was_online) rcushims_qsbr_go_offline();
  sysshims_enter_lock();
  if (flavor != RCUSHIMS_BP) pthread_rwlock_rdlock(&rcushims_fork_locks[flavor]);
  switch (flavor) {
    case RCUSHIMS_BP: urcu_bp_synchronize_rcu(); break;
    case RCUSHIMS_MEMB: urcu_memb_synchronize_rcu(); break;
    case RCUSHIMS_MB: urcu_mb_synchronize_rcu(); break;
    default: urcu_qsbr_synchronize_rcu(); break;
  }
  if (flavor != RCUSHIMS_BP) pthread_rwlock_unlock(&rcushims_fork_locks[flavor]);
  sysshims_leave_lock();
  if (was_online) rcushims_qsbr_go_online();
  // Pairs with the fence of a late section: either this thread sees that there are late readers, or
  // the late section sees what was done before liburcu's grace period.
  if (flavor == RCUSHIMS_BP && rcushims_has_late_readers()) await_late_readers();
  sysshims_annotate_acquire(&rcushims_tags[flavor]);
}
