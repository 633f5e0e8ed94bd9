// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A signal handler that reads after each instruction of a thread's end: of its destructors,
// liburcu's and ours; after all of them on one thread, and after one on each of many threads. The
// processor's trap flag raises SIGTRAP there; where a handler of another signal couldn't run, since
// that is blocked, this one does nothing.
//
//   steps reads|reads-late [STRIDE]
//
// reads       the thread reads, and ends
// reads-late  it reads for the first time in a destructor, when no handler is blocked yet
//
// STRIDE: alone, the handler reads at each, or each second, third… place; by default at each.
//
// Status 0: all was right; 1: nothing was tried. What is wrong hangs, or crashes.
// Why C: it sets the trap flag, and stands between liburcu and `pthread_sigmask`.

#define _GNU_SOURCE 1

#include "_RCUShims.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__x86_64__)
int main(void) {
  puts("steps: NOT CHECKED: there is no trap flag to step by on this processor");
  return 0;
}
#else

#define ROUNDS_MAX 4
#define TRAP_FLAG 0x100

// SIGTRAP must stay open: blocked, the next instruction would end the process. What is blocked for
// others is seen in the mask of what was interrupted.
int pthread_sigmask(int how, const sigset_t *set, sigset_t *before) {
  sigset_t changed;
  if (set && how != SIG_UNBLOCK) {
    changed = *set;
    sigdelset(&changed, SIGTRAP);
    set = &changed;
  }
  return sigprocmask(how, set, before) == 0 ? 0 : 1;
}

static pthread_key_t early_key, late_key;
static bool reads_late;

static _Thread_local bool has_read;
// Of all threads, one after another; where a handler could run, also of the last one alone.
static unsigned long steps, reads, own_places;
/// Of a thread's places, the only one where the handler reads.
#define EVERYWHERE ULONG_MAX
static unsigned long only_place = EVERYWHERE;

static void read_once(void) {
  rcushims_bp_read_lock();
  rcushims_bp_read_lock();
  rcushims_bp_read_unlock();
  rcushims_bp_read_unlock();
  has_read = true;
}

static void handle_step(int number, siginfo_t *information, void *context) {
  (void)number;
  (void)information;
  ucontext_t *interrupted = context;
  steps += 1;
  if (!has_read || sigismember(&interrupted->uc_sigmask, SIGUSR1)) return;
  unsigned long place = own_places;
  own_places += 1;
  if (only_place != EVERYWHERE && place != only_place) return;
  reads += 1;
  read_once();
  if (only_place != EVERYWHERE) interrupted->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
}

__attribute__((noinline)) static void step(bool steps_now) {
  unsigned long flags;
  __asm__ volatile("pushfq\n\tpopq %0" : "=r"(flags) : : "memory");
  flags = steps_now ? flags | TRAP_FLAG : flags & ~(unsigned long)TRAP_FLAG;
  __asm__ volatile("pushq %0\n\tpopfq" : : "r"(flags) : "memory", "cc");
}

static void destroy_early(void *round) {
  // Between liburcu's destructor and ours.
  if (has_read) read_once();
  if ((long)round < ROUNDS_MAX) pthread_setspecific(early_key, (void *)((long)round + 1));
}

static void destroy_late(void *round) {
  // After ours.
  read_once();
  if (reads_late && (long)round == 1) step(true);
  if ((long)round == ROUNDS_MAX) {
    // The kernel would end the process where glibc blocks all signals by itself.
    step(false);
    return;
  }
  pthread_setspecific(late_key, (void *)((long)round + 1));
}

static void *end_at_once(void *ignored) {
  (void)ignored;
  pthread_setspecific(early_key, (void *)1);
  pthread_setspecific(late_key, (void *)1);
  if (!reads_late) {
    read_once();
    step(true);
  }
  return NULL;
}

static void end_thread(void) {
  own_places = 0;
  pthread_t thread;
  if (pthread_create(&thread, NULL, end_at_once, NULL) != 0) abort();
  pthread_join(thread, NULL);
  static unsigned count;
  count += 1;
  if (count % 64 == 1) rcushims_synchronize(RCUSHIMS_BP);
}

int main(int argc, char **argv) {
  unsigned long stride = argc == 3 ? strtoul(argv[2], NULL, 10) : 1;
  if (argc < 2 || argc > 3 || stride == 0 ||
      (strcmp(argv[1], "reads") != 0 && strcmp(argv[1], "reads-late") != 0)) {
    fprintf(stderr, "steps: reads or reads-late, and perhaps a stride of 1 or more\n");
    return 64;
  }
  reads_late = strcmp(argv[1], "reads-late") == 0;
  struct sigaction action = {.sa_sigaction = handle_step, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  if (pthread_key_create(&early_key, destroy_early) != 0) return 1;
  // Makes the library's key.
  read_once();
  if (pthread_key_create(&late_key, destroy_late) != 0) return 1;
  end_thread();
  unsigned long everywhere = reads;
  // One place after another, until a thread has no more of them.
  for (only_place = 0; only_place == 0 || own_places > only_place - stride; only_place += stride)
    end_thread();
  struct rcushims_reader_scan scan;
  rcushims_scan_readers(RCUSHIMS_BP, &scan);
  printf("steps: %s: a handler read at each of %lu places, and at %lu alone; %zu registered\n", argv[1],
         everywhere, reads - everywhere, scan.reader_count);
  if (everywhere < 100 || reads - everywhere < 100) {
    fprintf(stderr, "steps: nothing was stepped through\n");
    return 1;
  }
  return 0;
}
#endif
