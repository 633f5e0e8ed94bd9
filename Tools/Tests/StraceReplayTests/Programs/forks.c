// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A process with memory that its children don't get, or get empty; each child changes what it got.

#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { page = 4096 };

int main(void) {
  char *memory = mmap(NULL, 32 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *shared = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || shared == MAP_FAILED) return 1;
  memset(memory, 1, 32 * page);
  memset(shared, 1, 4 * page);
  madvise(memory + 4 * page, 4 * page, MADV_DONTFORK);
  madvise(memory + 12 * page, 4 * page, MADV_WIPEONFORK);
  for (int child = 0; child < 3; child++) {
    if (fork() == 0) {
      // What was written to before the fork no longer merges with what wasn't.
      mmap(memory + 4 * page, 2 * page, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      memory[4 * page] = 2;
      mprotect(memory + (16 + child) * page, page, PROT_READ);
      munmap(memory + (24 + child) * page, page);
      munmap(shared + page, page);
      madvise(memory + 12 * page, 4 * page, MADV_KEEPONFORK);
      _exit(0);
    }
    int status;
    if (wait(&status) < 0 || status != 0) return 1;
  }
  madvise(memory, 32 * page, MADV_DOFORK);
  return 0;
}
