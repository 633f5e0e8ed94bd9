// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "torture.h"

#include <errno.h>
#include <pthread.h>
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

void torture_name_thread(const char *name) { (void)pthread_setname_np(pthread_self(), name); }
