// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Whether the running kernel is configured like the one that the script format refers to, and the
// process has the rights: a script that only such a kernel answers so.

#define _GNU_SOURCE 1

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "internal.h"

#if KO_IS_SUPPORTED

#define BASE UINT64_C(0x1000000000)
#define LENGTH UINT64_C(0x800000)
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
// As in Linux 6.11's headers.
#define DROPPABLE (0x08 | MAP_ANONYMOUS | MAP_FIXED)
#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)
#define LEAVE (MOVE | MREMAP_DONTUNMAP)

struct probe {
  struct kernel_oracle_operation operation;
  const char *expected;
  // What a kernel doesn't do that answers otherwise.
  const char *what;
};

static const struct probe probes[] = {
    {{KO_MMAP, -1, {BASE, 0x2000, RW, PRIVATE}}, "OK 0x1000000000", "map"},
    {{KO_MMAP, -1, {BASE + 0x2000, 0x1000, PROT_READ, PRIVATE}}, "OK 0x1000002000", "map"},
    {{KO_MREMAP, -1, {BASE, 0x3000, 0x3000, MOVE, BASE + 0x10000}},
     "OK 0x1000010000",
     "move several mappings at once, as from Linux 6.17 on"},
    {{KO_MADVISE, -1, {BASE + 0x10000, 0x1000, MADV_MERGEABLE}}, "OK", "merge equal pages (KSM)"},
    {{KO_MADVISE, -1, {BASE + 0x11000, 0x1000, MADV_HUGEPAGE}}, "OK", "use huge pages (THP)"},
    {{KO_MMAP, -1, {BASE, 0x1000, RW, DROPPABLE}}, "OK 0x1000000000", "map droppable memory"},
    {{KO_MMAP, -1, {UINT64_C(1) << 47, 0x1000, RW, PRIVATE}},
     "ERR ENOMEM",
     "end the address space at 47 bits"},
    {{KO_MMAP, -1, {0, 0x1000, PROT_READ, PRIVATE}},
     "OK OUTSIDE",
     "let this process map the lowest addresses (CAP_SYS_RAWIO)"},
    {{KO_MLOCK, -1, {BASE, UINT64_C(0x1000)}}, "OK", "let this process lock memory (CAP_IPC_LOCK)"},
    {{KO_MMAP, 0, {0, 0x1000, PROT_READ, MAP_SHARED}}, "OK 0x10007ff000", "search from the top"},
    {{KO_TOUCH, -1, {BASE + 0x100000}}, "ERR SIGSEGV", "report a fault"},
    {{KO_TOUCH, -1, {BASE}}, "OK", "let write"},
    {{KO_QUERY, -1, {BASE, 0}},
     "OK 1000000000-1000001000 rw-p 00000000 00:00 0",
     "answer a query"},
    // Linux 7.2 at the latest keeps them apart, counts mappings otherwise when it moves them, and
    // unlocks less of what it leaves behind.
    {{KO_MMAP, -1, {BASE + 0x200000, 0x1000, PROT_NONE, PRIVATE}}, "OK 0x1000200000", "map"},
    {{KO_MREMAP, -1, {BASE + 0x200000, 0x1000, 0x1000, LEAVE, BASE + 0x201000}},
     "OK 0x1000201000",
     "leave a mapping where it is moved from"},
    {{KO_QUERY, -1, {BASE + 0x200000, 0}},
     "OK 1000200000-1000202000 ---p 00000000 00:00 0",
     "merge a mapping with the one that it was moved from, as Linux up to 6.18 does"},
};

const char *ko_probe(struct ko_area *area, bool (*run)(struct ko_area *area)) {
  static char message[sizeof area->message];
  size_t count = sizeof probes / sizeof probes[0];
  struct utsname name;
  (void)uname(&name);
  area->setup = (struct kernel_oracle_setup){
      .window_base = BASE, .window_length = LENGTH, .is_confined = 1};
  area->operation_count = count;
  for (size_t index = 0; index < count; index += 1) {
    area->operations[index] = probes[index].operation;
  }
  if (!run(area)) return NULL;
  const char *line = ko_area_text(area), *end = line + area->text_length;
  for (size_t index = 0; index < count; index += 1) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    size_t length = newline == NULL ? 0 : (size_t)(newline - line);
    const char *expected = probes[index].expected;
    if (length != strlen(expected) || memcmp(line, expected, length) != 0) {
      snprintf(message, sizeof message, "the kernel (%.60s) doesn't %s: \"%.*s\", not \"%s\"",
               name.release, probes[index].what, (int)(length < 60 ? length : 60), line, expected);
      return message;
    }
    line = newline + 1;
  }
  return NULL;
}

#endif
