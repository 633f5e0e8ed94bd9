// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "scheduling.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

bool scheduling_may_use(int core) {
  cpu_set_t set;
  if (core < 0 || core >= CPU_SETSIZE) return false;
  return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_ISSET(core, &set);
}

int scheduling_pin(int core) {
  cpu_set_t set;
  if (core < 0 || core >= CPU_SETSIZE) return EINVAL;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : errno;
}

int scheduling_set_niceness(int niceness) {
  return setpriority(PRIO_PROCESS, (id_t)gettid(), niceness) == 0 ? 0 : errno;
}

int scheduling_set_timer_slack(unsigned long nanoseconds) {
  return prctl(PR_SET_TIMERSLACK, nanoseconds) == 0 ? 0 : errno;
}
