// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Memory that is only executable: it can't be populated on a processor with protection keys, so
// that what is locked behind it is written to, and has neighbours of its own, only on one without.

#define _GNU_SOURCE
#include <stddef.h>
#include <sys/mman.h>

enum { page = 4096 };

int main(void) {
  int private = MAP_PRIVATE | MAP_ANONYMOUS, writable = PROT_READ | PROT_WRITE;
  char *window = mmap(NULL, 16 * page, PROT_NONE, private, -1, 0);
  if (window == MAP_FAILED) return 1;
  mmap(window + page, page, writable, private | MAP_FIXED, -1, 0);
  mmap(window + 2 * page, page, PROT_EXEC, private | MAP_FIXED | MAP_POPULATE, -1, 0);
  mmap(window + 3 * page, page, writable, private | MAP_FIXED, -1, 0);
  (void)mlock(window + page, 3 * page);
  mmap(window + 6 * page, page, PROT_EXEC, private | MAP_FIXED | MAP_LOCKED, -1, 0);
  (void)mprotect(window + 6 * page, page, PROT_READ | PROT_EXEC);
  (void)mlock(window + 6 * page, page);
  (void)mremap(window + 3 * page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, window + 2 * page);
  return 0;
}
