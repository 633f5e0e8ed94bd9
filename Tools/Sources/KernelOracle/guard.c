// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What must not be carried out: because it would change what the process itself needs, because it
// would take too much of the machine's memory, or because the result depends on the machine. What
// the kernel refuses anyway is left to the kernel: errors are of interest.

#include <linux/mman.h>
#include <sys/mman.h>

#include "internal.h"

#if KO_IS_SUPPORTED
KO_FREESTANDING_BEGIN

// Bytes that one operation, and that all of a script, may populate.
#define POPULATE_MAX (UINT64_C(64) << 20)
#define POPULATE_TOTAL_MAX (UINT64_C(512) << 20)
// Beside what the kernel places by itself: a guard gap and an alignment.
#define PLACEMENT_SLACK (UINT64_C(16) << 20)
// Each leaves a process that waits.
#define FORKS_MAX 64

bool ko_intersects_harness(const struct ko_script *script, uint64_t start, uint64_t end) {
  for (size_t index = 0; index < script->harness_count; index += 1) {
    const struct ko_range *range = &script->harness[index];
    if (range->start < end && start < range->end) return true;
  }
  return false;
}

static bool intersects_window(const struct ko_script *script, uint64_t start, uint64_t end) {
  return script->window_base < end && start < script->window_end;
}

static bool is_unaligned(uint64_t address) { return (address & (KO_PAGE - 1)) != 0; }

static bool is_mapped(const struct ko_script *script, uint64_t address) {
  struct ko_range range;
  return ko_find_mapping(script->maps, address, &range) && range.start <= address;
}

// What an operation finds that goes from one mapping to the next and ends at a hole.
struct run {
  uint64_t bytes, largest;
  bool reaches_harness;
};

static struct run run_of_mappings(const struct ko_script *script, uint64_t start, uint64_t end) {
  struct run run;
  run.bytes = 0;
  run.largest = 0;
  run.reaches_harness = false;
  struct ko_range range;
  while (start < end && ko_find_mapping(script->maps, start, &range) && range.start <= start) {
    if (ko_intersects_harness(script, range.start, range.end)) {
      run.reaches_harness = true;
      break;
    }
    uint64_t piece = (range.end < end ? range.end : end) - start;
    run.bytes += piece;
    if (piece > run.largest) run.largest = piece;
    start = range.end;
  }
  return run;
}

static bool is_too_much(const struct ko_script *script, uint64_t bytes) {
  return bytes > POPULATE_MAX || script->populated + bytes > POPULATE_TOTAL_MAX;
}

// Whether the place that is chosen for a mapping without MAP_FIXED differs from what it would be
// if the harness weren't there.
static bool is_placed_by_harness(const struct ko_script *script, uint64_t hint, uint64_t length) {
  if (script->setup->is_confined != 0) return false;
  if (length + PLACEMENT_SLACK > script->largest_hole) return true;
  uint64_t start = hint & ~(KO_PAGE - 1);
  uint64_t end = ko_add_saturating(start, length);
  return intersects_window(script, start, end) && ko_intersects_harness(script, start, end);
}

static bool is_mmap_refused(const struct ko_script *script, const uint64_t *arguments) {
  uint64_t address = arguments[0], length = ko_page_up(arguments[1]), protection = arguments[2],
           flags = arguments[3];
  if (length == 0 || length > KO_TASK_SIZE) return false;
  if ((flags & MAP_HUGETLB) != 0) return true;
  if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) != 0) {
    if (is_unaligned(address) || address > KO_TASK_SIZE - length) return false;
    bool is_harmless =
        (flags & MAP_FIXED_NOREPLACE) != 0 && script->setup->is_confined != 0;
    if (!is_harmless && ko_intersects_harness(script, address, address + length)) return true;
  } else if (is_placed_by_harness(script, address, length)) {
    return true;
  }
  bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;
  bool is_accounted = (flags & MAP_NORESERVE) == 0 &&
                      (is_private ? (protection & PROT_WRITE) != 0 : (flags & MAP_ANONYMOUS) != 0);
  if (is_accounted && length > ko_machine.memory_bytes) return true;
  return (flags & (MAP_LOCKED | MAP_POPULATE)) != 0 && is_too_much(script, length);
}

static bool is_munmap_refused(const struct ko_script *script, uint64_t address, uint64_t given) {
  uint64_t length = ko_page_up(given);
  if (is_unaligned(address) || length == 0) return false;
  if (address > KO_TASK_SIZE || length > KO_TASK_SIZE - address) return false;
  return ko_intersects_harness(script, address, address + length);
}

static bool is_mprotect_refused(const struct ko_script *script, const uint64_t *arguments) {
  uint64_t address = arguments[0], length = ko_page_up(arguments[1]), end = address + length;
  if (is_unaligned(address) || end <= address) return false;
  if (length <= POPULATE_MAX && !ko_intersects_harness(script, address, end)) return false;
  // It looks at the next mapping, wherever that is.
  bool is_growing = (arguments[2] & PROT_GROWSDOWN) != 0;
  if (is_growing && ko_intersects_harness(script, address, end)) return true;
  struct run run = run_of_mappings(script, address, end);
  if (run.reaches_harness) return true;
  if ((arguments[2] & PROT_WRITE) == 0) return false;
  return run.largest > ko_machine.memory_bytes || (script->has_locked && run.bytes > POPULATE_MAX);
}

static bool is_mremap_refused(const struct ko_script *script, const uint64_t *arguments) {
  uint64_t old = arguments[0], old_length = ko_page_up(arguments[1]),
           new_length = ko_page_up(arguments[2]), flags = arguments[3], new = arguments[4];
  if ((flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0) return false;
  if (is_unaligned(old) || new_length == 0 || new_length > KO_TASK_SIZE) return false;
  bool moves_to = (flags & MREMAP_FIXED) != 0;
  if (moves_to && !is_unaligned(new) && new <= KO_TASK_SIZE - new_length &&
      ko_intersects_harness(script, new, new + new_length)) {
    return true;
  }
  // A length that wraps is 0, and a 0 reads the one mapping there.
  if (ko_intersects_harness(script, old, ko_add_saturating(old, KO_PAGE))) return true;
  if (!is_mapped(script, old)) return false;
  uint64_t reach = old_length;
  // Growing in place, too, is up to what follows.
  if (script->setup->is_confined == 0 && new_length > reach) reach = new_length;
  if (ko_intersects_harness(script, old, ko_add_saturating(old, reach))) return true;
  if (!moves_to && is_placed_by_harness(script, new, new_length)) return true;
  if (new_length > ko_machine.memory_bytes) return true;
  return script->has_locked && new_length > old_length && is_too_much(script, new_length);
}

static bool is_madvise_refused(const struct ko_script *script, const uint64_t *arguments) {
  uint64_t address = arguments[0], length = ko_page_up(arguments[1]), end = address + length;
  switch (arguments[2]) {
  case MADV_NORMAL:
  case MADV_RANDOM:
  case MADV_SEQUENTIAL:
  case MADV_DONTFORK:
  case MADV_DOFORK:
  case MADV_MERGEABLE:
  case MADV_UNMERGEABLE:
  case MADV_HUGEPAGE:
  case MADV_NOHUGEPAGE:
  case MADV_DONTDUMP:
  case MADV_DODUMP:
  case MADV_WIPEONFORK:
  case MADV_KEEPONFORK: break;
  // Others drop contents, or break memory for the whole machine; from 1000 on there are none.
  default: return arguments[2] < 1000;
  }
  if (is_unaligned(address) || (arguments[1] != 0 && length == 0) || end <= address) return false;
  return ko_intersects_harness(script, address, end);
}

static bool is_lock_refused(const struct ko_script *script, uint64_t address, uint64_t given,
                            bool populates) {
  uint64_t start = address & ~(KO_PAGE - 1);
  uint64_t end = start + ko_page_up(given + (address - start));
  if (end <= start) return false;
  if (end - start <= POPULATE_MAX && !ko_intersects_harness(script, start, end) &&
      script->populated + (end - start) <= POPULATE_TOTAL_MAX) {
    return false;
  }
  struct run run = run_of_mappings(script, start, end);
  return run.reaches_harness || (populates && is_too_much(script, run.bytes));
}

// A heap that grows by more than there is memory, or up to the harness.
static bool is_brk_refused(const struct ko_script *script, uint64_t address) {
  const struct kernel_oracle_setup *setup = script->setup;
  if (setup->has_heap == 0) return true;
  uint64_t start = ko_page_up(script->program_break), end = ko_page_up(address);
  if (address > KO_TASK_SIZE || end <= start) return false;
  // What is outside is in its way.
  if (setup->is_confined != 0 && end > script->window_end) return false;
  return end - start > ko_machine.memory_bytes ||
         ko_intersects_harness(script, start, end + KO_PAGE);
}

// A stack that grows by more than there is memory.
static bool is_touch_refused(const struct ko_script *script, uint64_t address) {
  const struct kernel_oracle_setup *setup = script->setup;
  if ((setup->limits & KO_LIMIT_STACK) == 0 || setup->stack <= ko_machine.memory_bytes) {
    return false;
  }
  struct ko_range next;
  if (!ko_find_mapping(script->maps, address, &next) || next.start <= address) return false;
  return next.start - address > ko_machine.memory_bytes;
}

bool ko_is_refused(struct ko_script *script, const struct kernel_oracle_operation *operation) {
  const uint64_t *arguments = operation->arguments;
  switch (operation->kind) {
  case KO_MMAP: return operation->file > 3 || is_mmap_refused(script, arguments);
  case KO_MUNMAP: return is_munmap_refused(script, arguments[0], arguments[1]);
  case KO_MPROTECT: return is_mprotect_refused(script, arguments);
  case KO_MREMAP: return is_mremap_refused(script, arguments);
  case KO_MADVISE: return is_madvise_refused(script, arguments);
  case KO_MLOCK: return is_lock_refused(script, arguments[0], arguments[1], true);
  case KO_MUNLOCK: return is_lock_refused(script, arguments[0], arguments[1], false);
  case KO_BRK: return is_brk_refused(script, arguments[0]);
  case KO_FORK: return script->fork_count >= FORKS_MAX;
  case KO_TOUCH: return is_touch_refused(script, arguments[0]);
  case KO_QUERY:
  case KO_DUMP: return false;
  default: return true;
  }
}

void ko_account(struct ko_script *script, const struct kernel_oracle_operation *operation) {
  const uint64_t *arguments = operation->arguments;
  uint64_t length = ko_page_up(arguments[1]);
  switch (operation->kind) {
  case KO_MMAP:
    if ((arguments[3] & MAP_LOCKED) != 0) script->has_locked = true;
    if ((arguments[3] & (MAP_LOCKED | MAP_POPULATE)) == 0) return;
    break;
  case KO_MREMAP:
    if (!script->has_locked || ko_page_up(arguments[2]) <= length) return;
    length = ko_page_up(arguments[2]);
    break;
  case KO_MLOCK: script->has_locked = true; break;
  default: return;
  }
  script->populated += length < POPULATE_MAX ? length : POPULATE_MAX;
}

KO_FREESTANDING_END
#endif
