// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The fewer mappings a script's process inherits, the faster it is forked, confined and ended: with
// the libraries of a test program it would take three times as long.

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

#if KO_IS_SUPPORTED

// The program or library that a script's process executes: code, data, and what is zero.
struct own_object {
  uint64_t address;
  struct ko_range range;
};

static int find_own_object(struct dl_phdr_info *object, size_t size, void *context) {
  (void)size;
  struct own_object *own = context;
  struct ko_range range = {UINT64_MAX, 0};
  for (size_t index = 0; index < object->dlpi_phnum; index += 1) {
    const ElfW(Phdr) *header = &object->dlpi_phdr[index];
    if (header->p_type != PT_LOAD) continue;
    uint64_t start = object->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
    if (start < range.start) range.start = start;
    if (end > range.end) range.end = end;
  }
  if (own->address < range.start || own->address >= range.end) return 0;
  own->range = range;
  return 1;
}

// What the kernel, too, finds a thread's own data by (restartable sequences).
static uint64_t thread_pointer(void) {
  uint64_t address;
  __asm__("movq %%fs:0, %0" : "=r"(address));
  return address;
}

static bool contains(const struct ko_line *line, uint64_t address) {
  return line->start <= address && address < line->end;
}

const char *ko_keep_from_scripts(const struct ko_area *area) {
  static struct ko_line_reader reader;
  static struct ko_range ranges[KO_RANGES_MAX];
  struct own_object own = {.address = (uint64_t)&ko_run_script};
  if (dl_iterate_phdr(find_own_object, &own) == 0) return "the program doesn't find itself";
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return "no /proc/self/maps";
  size_t count = 0;
  struct ko_line line;
  ko_lines_begin(&reader, maps, sizeof reader.buffer);
  while (ko_lines_next(&reader, &line) && line.start < KO_TASK_SIZE && count < KO_RANGES_MAX) {
    bool is_own = line.start < own.range.end && own.range.start < line.end;
    bool is_stack = contains(&line, (uint64_t)&own);
    if (is_own || is_stack || contains(&line, (uint64_t)area) ||
        contains(&line, thread_pointer())) {
      continue;
    }
    ranges[count] = (struct ko_range){line.start, line.end};
    count += 1;
  }
  close(maps);
  for (size_t index = 0; index < count; index += 1) {
    const struct ko_range *range = &ranges[index];
    if (madvise((void *)range->start, range->end - range->start, MADV_DONTFORK) != 0 &&
        errno != ENOMEM) {
      return "the kernel doesn't keep mappings from children";
    }
  }
  return NULL;
}

#endif
