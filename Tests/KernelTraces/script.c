// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The process of one script.

#include <fcntl.h>
#include <sys/syscall.h>

#include "internal.h"

#if KT_IS_SUPPORTED
KT_FREESTANDING_BEGIN

// A script that takes longer is ended by a signal.
#define SECONDS_MAX 120

static struct kt_script script;

void kt_exit(int status) {
  for (;;) (void)kt_call(SYS_exit_group, (uint64_t)status, 0, 0, 0, 0, 0);
}

void kt_fail(struct kt_area *area, int32_t status, const char *message, uint64_t number) {
  struct kt_text text;
  text.bytes = area->message;
  text.length = 0;
  text.capacity = sizeof area->message - 1;
  text.is_full = false;
  kt_put_text(&text, message);
  if (number != 0) {
    kt_put_text(&text, " ");
    kt_put_decimal(&text, number);
  }
  area->message[text.length] = 0;
  area->status = status;
  kt_exit(0);
}

// What the kernel chose outside the window goes at once.
static void put_address(uint64_t address, uint64_t length) {
  uint64_t end = address + kt_page_up(length);
  if (script.window_base < end && address < script.window_end) {
    kt_put_text(&script.text, "OK 0x");
    kt_put_hex(&script.text, address, 1);
    kt_put_text(&script.text, "\n");
    return;
  }
  (void)kt_call(SYS_munmap, address, kt_page_up(length), 0, 0, 0, 0);
  kt_put_text(&script.text, "OK OUTSIDE\n");
}

static void perform(const struct kernel_trace_operation *operation) {
  const uint64_t *a = operation->arguments;
  long result;
  switch (operation->kind) {
  case KT_MMAP: {
    int64_t file = operation->file < 0 ? -1 : kt_machine.files[operation->file].descriptor;
    result = kt_call(SYS_mmap, a[0], a[1], a[2], a[3], (uint64_t)file, a[4]);
    if (!kt_is_error(result)) return put_address((uint64_t)result, a[1]);
    break;
  }
  case KT_MREMAP:
    result = kt_call(SYS_mremap, a[0], a[1], a[2], a[3], a[4], 0);
    if (!kt_is_error(result)) return put_address((uint64_t)result, a[2]);
    break;
  case KT_MUNMAP: result = kt_call(SYS_munmap, a[0], a[1], 0, 0, 0, 0); break;
  case KT_MPROTECT: result = kt_call(SYS_mprotect, a[0], a[1], a[2], 0, 0, 0); break;
  case KT_MADVISE: result = kt_call(SYS_madvise, a[0], a[1], a[2], 0, 0, 0); break;
  case KT_MLOCK: result = kt_call(SYS_mlock, a[0], a[1], 0, 0, 0, 0); break;
  case KT_MUNLOCK: result = kt_call(SYS_munlock, a[0], a[1], 0, 0, 0, 0); break;
  case KT_TOUCH: return kt_put_touch(&script, a[0]);
  case KT_QUERY: return kt_put_query(&script, a[0], a[1]);
  default: return kt_put_dump(&script);
  }
  kt_put_result(&script.text, result);
}

// Nothing of the process may have to grow while a script runs.
static void touch_stack(void) {
  volatile char bytes[64 << 10];
  for (size_t index = 0; index < sizeof bytes; index += KT_PAGE) bytes[index] = 0;
}

void kt_run_script(struct kt_area *area) {
  touch_stack();
  (void)kt_call(SYS_alarm, SECONDS_MAX, 0, 0, 0, 0, 0);
  script.area = area;
  script.setup = &area->setup;
  script.text.bytes = kt_area_text(area);
  script.text.capacity = kt_area_text_capacity(area);
  script.window_base = area->setup.window_base;
  script.window_end = script.window_base + area->setup.window_length;
  long maps = kt_call(SYS_open, (uint64_t)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
  if (kt_is_error(maps)) kt_fail(area, (int32_t)-maps, "no maps to read", 0);
  script.maps = (int)maps;
  kt_set_up(&script);
  for (uint64_t index = 0; index < area->operation_count; index += 1) {
    const struct kernel_trace_operation *operation = &area->operations[index];
    if (kt_is_refused(&script, operation)) {
      kt_put_text(&script.text, "REFUSED\n");
    } else {
      perform(operation);
      kt_account(&script, operation);
    }
    if (script.text.is_full) kt_fail(area, KT_TOO_LONG, "the results are too long", 0);
  }
  kt_check_harness(&script);
  area->text_length = script.text.length;
  area->status = 0;
  kt_exit(0);
}

KT_FREESTANDING_END
#endif
