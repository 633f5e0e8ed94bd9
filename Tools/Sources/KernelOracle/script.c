// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The process of one script.

#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "internal.h"

#if KO_IS_SUPPORTED
KO_FREESTANDING_BEGIN

// A script that takes longer is ended by a signal.
#define SECONDS_MAX 120

static struct ko_script script;

void ko_exit(int status) {
  for (;;) (void)ko_call(SYS_exit_group, (uint64_t)status, 0, 0, 0, 0, 0);
}

void ko_fail(struct ko_area *area, int32_t status, const char *message, uint64_t number) {
  struct ko_text text;
  text.bytes = area->message;
  text.length = 0;
  text.capacity = sizeof area->message - 1;
  text.is_full = false;
  ko_put_text(&text, message);
  if (number != 0) {
    ko_put_text(&text, " ");
    ko_put_decimal(&text, number);
  }
  area->message[text.length] = 0;
  area->status = status;
  ko_exit(0);
}

static void open_maps(void) {
  long maps = ko_call(SYS_open, (uint64_t)"/proc/self/maps", O_RDONLY | O_CLOEXEC, 0, 0, 0, 0);
  if (ko_is_error(maps)) ko_fail(script.area, (int32_t)-maps, "no maps to read", 0);
  script.maps = (int)maps;
}

// Gives the child's end.
static int wait_for(long child) {
  int status = 0;
  long ended;
  do {
    ended = ko_call(SYS_wait4, (uint64_t)child, (uint64_t)&status, 0, 0, 0, 0);
  } while (ended == -EINTR);
  return status;
}

// Returns in a child; this process ends as the child does.
static void go_on_in_child(void) {
  script.fork_count += 1;
  long seconds = ko_call(SYS_alarm, 0, 0, 0, 0, 0, 0);
  long child = ko_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (ko_is_error(child)) ko_fail(script.area, (int32_t)-child, "the script can't fork", 0);
  if (child != 0) {
    int status = wait_for(child);
    ko_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
  }
  // Nobody writes to the area when the process that the server waits for has ended.
  (void)ko_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
  // Alarms aren't inherited, and the open file shows the parent's maps.
  (void)ko_call(SYS_alarm, (uint64_t)seconds, 0, 0, 0, 0, 0);
  (void)ko_call(SYS_close, (uint64_t)script.maps, 0, 0, 0, 0, 0);
  open_maps();
}

// What the kernel chose outside the window goes at once.
static void put_address(uint64_t address, uint64_t length) {
  uint64_t end = address + ko_page_up(length);
  if (script.window_base < end && address < script.window_end) {
    ko_put_text(&script.text, "OK 0x");
    ko_put_hex(&script.text, address, 1);
    ko_put_text(&script.text, "\n");
    return;
  }
  (void)ko_call(SYS_munmap, address, ko_page_up(length), 0, 0, 0, 0);
  ko_put_text(&script.text, "OK OUTSIDE\n");
}

static void put_break(uint64_t address) {
  script.program_break = address;
  ko_put_text(&script.text, "OK 0x");
  ko_put_hex(&script.text, address, 1);
  ko_put_text(&script.text, "\n");
}

static void perform(const struct kernel_oracle_operation *operation) {
  const uint64_t *a = operation->arguments;
  long result;
  switch (operation->kind) {
  case KO_MMAP: {
    int64_t file = operation->file < 0 ? -1 : ko_machine.files[operation->file].descriptor;
    result = ko_call(SYS_mmap, a[0], a[1], a[2], a[3], (uint64_t)file, a[4]);
    if (!ko_is_error(result)) return put_address((uint64_t)result, a[1]);
    break;
  }
  case KO_MREMAP:
    result = ko_call(SYS_mremap, a[0], a[1], a[2], a[3], a[4], 0);
    if (!ko_is_error(result)) return put_address((uint64_t)result, a[2]);
    break;
  case KO_MUNMAP: result = ko_call(SYS_munmap, a[0], a[1], 0, 0, 0, 0); break;
  case KO_MPROTECT: result = ko_call(SYS_mprotect, a[0], a[1], a[2], 0, 0, 0); break;
  case KO_MADVISE: result = ko_call(SYS_madvise, a[0], a[1], a[2], 0, 0, 0); break;
  case KO_MLOCK: result = ko_call(SYS_mlock2, a[0], a[1], a[2], 0, 0, 0); break;
  case KO_MUNLOCK: result = ko_call(SYS_munlock, a[0], a[1], 0, 0, 0, 0); break;
  case KO_BRK: return put_break((uint64_t)ko_call(SYS_brk, a[0], 0, 0, 0, 0, 0));
  case KO_FORK:
    go_on_in_child();
    result = 0;
    break;
  case KO_TOUCH: return ko_put_touch(&script, a[0]);
  case KO_QUERY: return ko_put_query(&script, a[0], a[1]);
  default: return ko_put_dump(&script);
  }
  ko_put_result(&script.text, result);
}

// Nothing of the process may have to grow while a script runs.
static void touch_stack(void) {
  volatile char bytes[64 << 10];
  for (size_t index = 0; index < sizeof bytes; index += KO_PAGE) bytes[index] = 0;
}

void ko_run_script(struct ko_area *area) {
  touch_stack();
  (void)ko_call(SYS_alarm, SECONDS_MAX, 0, 0, 0, 0, 0);
  script.area = area;
  script.setup = &area->setup;
  script.text.bytes = ko_area_text(area);
  script.text.capacity = ko_area_text_capacity(area);
  script.window_base = area->setup.window_base;
  script.window_end = script.window_base + area->setup.window_length;
  open_maps();
  ko_set_up(&script);
  for (uint64_t index = 0; index < area->operation_count; index += 1) {
    const struct kernel_oracle_operation *operation = &area->operations[index];
    if (ko_is_refused(&script, operation)) {
      ko_put_text(&script.text, "REFUSED\n");
    } else {
      perform(operation);
      ko_account(&script, operation);
    }
    if (script.text.is_full) ko_fail(area, KO_TOO_LONG, "the results are too long", 0);
  }
  ko_check_harness(&script);
  area->text_length = script.text.length;
  area->status = 0;
  ko_exit(0);
}

KO_FREESTANDING_END
#endif
