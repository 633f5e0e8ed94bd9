// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "torture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t torture_fork(unsigned seconds) {
  pid_t child = fork();
  if (child == 0) alarm(seconds);
  return child;
}

int torture_wait(pid_t child) {
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void *end_at_once(void *context) { return context; }

int torture_deny_threads(void) {
  struct sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof instructions / sizeof *instructions, instructions};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
    return errno;
  pthread_t thread;
  int error = pthread_create(&thread, NULL, end_at_once, NULL);
  if (error == 0) pthread_join(thread, NULL);
  return error;
}

bool torture_try_join(pthread_t thread) { return pthread_tryjoin_np(thread, NULL) == 0; }

static __thread volatile sig_atomic_t handlers_may_read;
void torture_let_handlers_read(void) { handlers_may_read = 1; }
bool torture_handlers_may_read(void) { return handlers_may_read != 0; }

void torture_name_thread(const char *name) { (void)pthread_setname_np(pthread_self(), name); }
