// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the head of a script asks for: the window, everything else taken, limits.

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "internal.h"

#if KO_IS_SUPPORTED
KO_FREESTANDING_BEGIN

#define DEFAULT_STACK_LIMIT (UINT64_C(8) << 20)
// Below a stack: the guard gap.
#define STACK_GAP (UINT64_C(256) * KO_PAGE)

static _Noreturn void fail(const struct ko_script *script, long result, const char *message) {
  ko_fail(script->area, (int32_t)-result, message, 0);
}

static bool is_stack(const struct ko_line *line) {
  static const char name[] = "[stack]\n";
  size_t length = sizeof name - 1;
  if (line->length < length) return false;
  for (size_t index = 0; index < length; index += 1) {
    if (line->bytes[line->length - length + index] != name[index]) return false;
  }
  return true;
}

static void add_harness(struct ko_script *script, uint64_t start, uint64_t end) {
  if (script->harness_count > 0) {
    struct ko_range *last = &script->harness[script->harness_count - 1];
    if (start < last->end) start = last->end;
    if (start == last->end) {
      last->end = end;
      return;
    }
  }
  if (script->harness_count == KO_RANGES_MAX) {
    ko_fail(script->area, KO_NO_SERVER, "the harness has too many mappings", 0);
  }
  script->harness[script->harness_count] = (struct ko_range){start, end};
  script->harness_count += 1;
}

static uint64_t hash(uint64_t value, const struct ko_line *line) {
  for (size_t index = 0; index < line->length; index += 1) {
    value = (value ^ (uint8_t)line->bytes[index]) * UINT64_C(0x100000001b3);
  }
  return value;
}

static struct ko_line_reader reader;

// Reads what is mapped. Gives the number of mappings, as the kernel counts them.
static uint64_t read_harness(struct ko_script *script) {
  struct ko_line line;
  uint64_t count = 0;
  script->harness_count = 0;
  script->harness_hash = 0;
  ko_lines_begin(&reader, script->maps, sizeof reader.buffer);
  while (ko_lines_next(&reader, &line)) {
    // [vsyscall] is not a mapping of the process.
    if (line.start >= KO_TASK_SIZE) break;
    count += 1;
    uint64_t start = line.start;
    if (is_stack(&line)) {
      script->stack = (struct ko_range){line.start, line.end};
      start -= STACK_GAP;
    }
    if (start < script->window_end && script->window_base < line.end) {
      ko_fail(script->area, KO_BAD_WINDOW, "the harness has something in the window", 0);
    }
    add_harness(script, start, line.end);
    script->harness_hash = hash(script->harness_hash, &line);
  }
  return count;
}

void ko_check_harness(struct ko_script *script) {
  // Too many to read them all again.
  if ((script->setup->limits & KO_LIMIT_MAPS) != 0) return;
  struct ko_line line;
  uint64_t found = 0;
  ko_lines_begin(&reader, script->maps, sizeof reader.buffer);
  while (ko_lines_next(&reader, &line)) {
    if (line.start >= KO_TASK_SIZE) break;
    if (ko_intersects_harness(script, line.start, line.end)) found = hash(found, &line);
  }
  if (found != script->harness_hash) {
    ko_fail(script->area, KO_CHILD_DIED, "the script changed what is not its own", 0);
  }
}

// The first hole at or above `start`.
static bool next_hole(const struct ko_script *script, uint64_t start, struct ko_range *hole) {
  uint64_t end = KO_TASK_SIZE;
  for (size_t index = 0; index < script->harness_count; index += 1) {
    const struct ko_range *range = &script->harness[index];
    if (range->end <= start) continue;
    if (range->start > start) {
      end = range->start;
      break;
    }
    start = range->end;
  }
  if (start >= end || start >= KO_TASK_SIZE) return false;
  *hole = (struct ko_range){start, end};
  return true;
}

static void fill(struct ko_script *script, uint64_t start, uint64_t end, struct ko_range *largest) {
  if (start >= end) return;
  // All map the same pages of a file: adjacent ones, if there were any, wouldn't merge.
  long result = ko_call(SYS_mmap, start, end - start, PROT_NONE,
                        MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                        (uint64_t)ko_machine.filler, 0);
  if (ko_is_error(result)) fail(script, result, "can't take what is outside the window");
  if (end - start > largest->end - largest->start) *largest = (struct ko_range){start, end};
}

// Takes every hole outside the window. Gives the largest filler.
static struct ko_range confine(struct ko_script *script) {
  struct ko_range hole, largest;
  largest.start = 0;
  largest.end = 0;
  for (uint64_t from = KO_PAGE; next_hole(script, from, &hole); from = hole.end) {
    uint64_t base = script->window_base, end = script->window_end;
    if (hole.start < end && base < hole.end) {
      fill(script, hole.start, base, &largest);
      fill(script, end, hole.end, &largest);
    } else {
      fill(script, hole.start, hole.end, &largest);
    }
  }
  return largest;
}

static uint64_t largest_hole(const struct ko_script *script) {
  struct ko_range hole;
  uint64_t largest = 0;
  for (uint64_t from = KO_PAGE; next_hole(script, from, &hole); from = hole.end) {
    uint64_t start = hole.start, end = hole.end;
    if (start < script->window_end && script->window_base < end) {
      uint64_t below = script->window_base - start, above = end - script->window_end;
      if (below > largest) largest = below;
      if (above > largest) largest = above;
    } else if (end - start > largest) {
      largest = end - start;
    }
  }
  return largest;
}

// --- Limits

static void set_limit(struct ko_script *script, int resource, uint64_t value) {
  struct rlimit limit = {value, RLIM_INFINITY};
  long result =
      ko_call(SYS_prlimit64, 0, (uint64_t)resource, (uint64_t)&limit, 0, 0, 0);
  if (ko_is_error(result)) {
    limit.rlim_max = value;
    result = ko_call(SYS_prlimit64, 0, (uint64_t)resource, (uint64_t)&limit, 0, 0, 0);
  }
  if (ko_is_error(result)) fail(script, result, "can't set a resource limit");
}

static size_t read_file(struct ko_script *script, const char *path, char *bytes, size_t room) {
  long descriptor = ko_call(SYS_open, (uint64_t)path, O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
  if (ko_is_error(descriptor)) fail(script, descriptor, path);
  long count = ko_call(SYS_read, (uint64_t)descriptor, (uint64_t)bytes, room - 1, 0, 0, 0);
  if (ko_is_error(count)) fail(script, count, path);
  (void)ko_call(SYS_close, (uint64_t)descriptor, 0, 0, 0, 0, 0);
  bytes[count] = 0;
  return (size_t)count;
}

static uint64_t decimal(const char *bytes) {
  uint64_t value = 0;
  for (; *bytes >= '0' && *bytes <= '9'; bytes += 1) value = value * 10 + (uint64_t)(*bytes - '0');
  return value;
}

static uint64_t bytes_of_address_space(struct ko_script *script) {
  char bytes[256];
  (void)read_file(script, "/proc/self/statm", bytes, sizeof bytes);
  return decimal(bytes) * KO_PAGE;
}

// statm adds the stack to it: that of status is what the kernel compares with the limit.
static uint64_t bytes_of_data(struct ko_script *script) {
  static char bytes[8192];
  static const char key[] = "VmData:";
  size_t count = read_file(script, "/proc/self/status", bytes, sizeof bytes), matched = 0;
  for (size_t index = 0; index < count; index += 1) {
    matched = bytes[index] == key[matched] ? matched + 1 : bytes[index] == key[0] ? 1 : 0;
    if (matched < sizeof key - 1) continue;
    index += 1;
    while (bytes[index] == ' ' || bytes[index] == '\t') index += 1;
    return decimal(bytes + index) * 1024;
  }
  ko_fail(script->area, KO_BAD_LIMIT, "no VmData", 0);
}

static void protect(struct ko_script *script, uint64_t address, int protection) {
  long result = ko_call(SYS_mprotect, address, KO_PAGE, (uint64_t)protection, 0, 0, 0);
  if (ko_is_error(result)) fail(script, result, "can't split a filler");
}

// Splits a filler until there is room for `room` mappings. Each inner page with other protection
// makes two more of it, a page at its edge one.
static void use_up_map_count(struct ko_script *script, struct ko_range filler, uint64_t count,
                             uint64_t room) {
  if (room > ko_machine.map_count_max || count > ko_machine.map_count_max - room) {
    ko_fail(script->area, KO_BAD_LIMIT, "there is no room for so many maps:", room);
  }
  uint64_t missing = ko_machine.map_count_max - room - count;
  // Far from the window: these are accessible, which counts for what grows down.
  uint64_t address = filler.start + ((filler.end - filler.start) / 2 & ~(KO_PAGE - 1));
  if (filler.end - address < (missing + 2) * KO_PAGE) {
    ko_fail(script->area, KO_BAD_LIMIT, "no filler is large enough", 0);
  }
  for (; missing >= 2; missing -= 2, address += 2 * KO_PAGE) protect(script, address, PROT_READ);
  if (missing == 1) {
    bool is_below = filler.end <= script->window_base;
    protect(script, is_below ? filler.start : filler.end - KO_PAGE, PROT_READ);
  }
}

static struct ko_range reserve_filler(struct ko_script *script) {
  uint64_t length = (ko_machine.map_count_max + 4) * 2 * KO_PAGE;
  long result = ko_call(SYS_mmap, 0, length, PROT_NONE, MAP_SHARED | MAP_NORESERVE,
                        (uint64_t)ko_machine.filler, 0);
  if (ko_is_error(result)) fail(script, result, "can't map a filler");
  return (struct ko_range){(uint64_t)result, (uint64_t)result + length};
}

static void drop_lock_right(struct ko_script *script) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  struct __user_cap_data_struct data[2];
  long result = ko_call(SYS_capget, (uint64_t)&header, (uint64_t)data, 0, 0, 0, 0);
  if (!ko_is_error(result)) {
    uint32_t bit = UINT32_C(1) << CAP_IPC_LOCK;
    data[0].effective &= ~bit;
    data[0].permitted &= ~bit;
    result = ko_call(SYS_capset, (uint64_t)&header, (uint64_t)data, 0, 0, 0, 0);
  }
  if (ko_is_error(result)) fail(script, result, "can't give up the right to lock memory");
}

// --- The heap

// The stack's start, from which the kernel derives what is called [stack].
static uint64_t stack_start(struct ko_script *script) {
  static char bytes[2048];
  size_t index = read_file(script, "/proc/self/stat", bytes, sizeof bytes);
  // The program's name may have blanks. Its ')' ends the second field; this is the 28th.
  while (index > 0 && bytes[index] != ')') index -= 1;
  for (int blanks = 0; blanks < 26 && bytes[index] != 0; index += 1) {
    if (bytes[index] == ' ') blanks += 1;
  }
  return decimal(bytes + index);
}

// The kernel only shows the rest of a program's layout: any addresses do.
static void set_heap(struct ko_script *script, uint64_t start) {
  set_limit(script, RLIMIT_DATA, RLIM_INFINITY);
  struct prctl_mm_map map = {.start_code = start,
                             .end_code = start + 1,
                             .start_data = start,
                             // brk compares the sum of the program's data and the heap with
                             // RLIMIT_DATA, to which `limit data` adds this many bytes.
                             .end_data = start + bytes_of_data(script),
                             .start_brk = start,
                             .brk = start,
                             .start_stack = stack_start(script),
                             .arg_start = start,
                             .arg_end = start,
                             .env_start = start,
                             .env_end = start,
                             .auxv = NULL,
                             .auxv_size = 0,
                             .exe_fd = UINT32_MAX};
  long result =
      ko_call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (uint64_t)&map, sizeof map, 0, 0);
  if (ko_is_error(result)) fail(script, result, "can't start a heap there");
  script->program_break = start;
}

void ko_set_up(struct ko_script *script) {
  const struct kernel_oracle_setup *setup = script->setup;
  uint64_t base = setup->window_base, length = setup->window_length;
  if (((base | length) & (KO_PAGE - 1)) != 0 || length == 0 || base < ko_machine.lowest_address ||
      base >= KO_TASK_SIZE || length > KO_TASK_SIZE - base) {
    ko_fail(script->area, KO_BAD_WINDOW, "no usable window", 0);
  }
  (void)read_harness(script);
  if (setup->has_heap != 0) set_heap(script, setup->heap_start);
  struct ko_range filler;
  if (setup->is_confined != 0) filler = confine(script);
  bool limits_maps = (setup->limits & KO_LIMIT_MAPS) != 0;
  if (limits_maps && setup->is_confined == 0) filler = reserve_filler(script);
  uint64_t count = read_harness(script);
  if (limits_maps) use_up_map_count(script, filler, count, setup->maps);
  script->largest_hole = largest_hole(script);
  long result = ko_install_fault_handlers();
  if (ko_is_error(result)) fail(script, result, "can't handle faults");

  set_limit(script, RLIMIT_STACK,
            (setup->limits & KO_LIMIT_STACK) != 0 ? setup->stack : DEFAULT_STACK_LIMIT);
  // After everything that the harness maps.
  uint64_t as = RLIM_INFINITY, data = RLIM_INFINITY;
  if ((setup->limits & KO_LIMIT_AS) != 0) {
    as = ko_add_saturating(bytes_of_address_space(script), setup->as);
  }
  if ((setup->limits & KO_LIMIT_DATA) != 0) {
    data = ko_add_saturating(bytes_of_data(script), setup->data);
  }
  set_limit(script, RLIMIT_AS, as);
  set_limit(script, RLIMIT_DATA, data);
  if ((setup->limits & KO_LIMIT_MEMLOCK) != 0) {
    set_limit(script, RLIMIT_MEMLOCK, setup->memlock);
    drop_lock_right(script);
  }
}

KO_FREESTANDING_END
#endif
