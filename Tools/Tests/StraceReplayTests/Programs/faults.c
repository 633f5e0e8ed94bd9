// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Two ranges that are written to, and then one between them: whether they become one mapping
// depends on the page faults.

#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

enum { page = 4096 };

static char *map(char *address) {
  return mmap(address, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
              0);
}

int main(void) {
  char *window = mmap(NULL, 16 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (window == MAP_FAILED) return 1;
  *map(window + 3 * page) = 1;
  *map(window + 5 * page) = 1;
  *map(window + 4 * page) = 1;
  return mprotect(window + 8 * page, page, PROT_READ);
}
