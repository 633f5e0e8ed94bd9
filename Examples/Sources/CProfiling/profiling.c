// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "profiling.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>
#include <ucontext.h>

static void (*sample_function)(uint64_t);

static uint64_t program_counter(const ucontext_t *context) {
#if defined(__x86_64__)
  return (uint64_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  return context->uc_mcontext.pc;
#else
#error "where is the program counter?"
#endif
}

static void handle(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  int saved = errno;
  sample_function(program_counter(context));
  errno = saved;
}

static int set_timer(unsigned microseconds) {
  struct itimerval timer = {.it_interval = {0, (suseconds_t)microseconds},
                            .it_value = {0, (suseconds_t)microseconds}};
  return setitimer(ITIMER_PROF, &timer, NULL) == 0 ? 0 : errno;
}

int profiling_start(unsigned microseconds, void (*sample)(uint64_t)) {
  sample_function = sample;
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigfillset(&action.sa_mask);
  if (sigaction(SIGPROF, &action, NULL) != 0) return errno;
  return set_timer(microseconds);
}

void profiling_stop(void) { (void)set_timer(0); }

void profiling_admit(bool admits) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPROF);
  pthread_sigmask(admits ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}
