// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The process that forks one process per script. It is the program of the tests, executed anew and
// caught before its main function: a fork of the test process itself would copy the page tables of
// everything that the tests allocate, and its address space could be anything.

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#if KT_IS_SUPPORTED

#define FILE_BYTES (1 << 20)

struct kt_machine kt_machine;

KT_FREESTANDING_BEGIN

// Runs the area's script in a fork. False when it was not run; status and message say why.
static bool run(struct kt_area *area) {
  area->status = KT_CHILD_DIED;
  area->text_length = 0;
  area->message[0] = 0;
  long child = kt_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child == 0) kt_run_script(area);
  int status = 0;
  if (!kt_is_error(child)) {
    long ended;
    do {
      ended = kt_call(SYS_wait4, (uint64_t)child, (uint64_t)&status, 0, 0, 0, 0);
    } while (ended == -EINTR);
  }
  if (kt_is_error(child)) {
    area->status = (int32_t)-child;
    strcpy(area->message, "fork failed");
  } else if (area->status == KT_CHILD_DIED) {
    snprintf(area->message, sizeof area->message, "the script's process ended early: %s %d",
             WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  return area->status == 0;
}

KT_FREESTANDING_END

static int open_file(const char *directory, int flags) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/kernel-traces-XXXXXX", directory) >= (int)sizeof path) {
    return -1;
  }
  int descriptor = mkostemp(path, O_CLOEXEC);
  if (descriptor < 0) return -1;
  (void)unlink(path);
  if (ftruncate(descriptor, FILE_BYTES) != 0) {
    close(descriptor);
    return -1;
  }
  if (flags == O_RDWR) return descriptor;
  snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
  int reopened = open(path, flags | O_CLOEXEC);
  close(descriptor);
  return reopened;
}

// Whether the directory's file system maps files as the trace format expects: executable too, and
// so that it refuses MAP_SYNC by itself.
static bool has_expected_files(const char *directory, int maps) {
  for (int index = 0; index < 4; index += 1) {
    struct kt_file *file = &kt_machine.files[index];
    file->descriptor = open_file(directory, index == 3 ? O_RDONLY : O_RDWR);
    if (file->descriptor < 0) return false;
    void *page = mmap(NULL, KT_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file->descriptor, 0);
    if (page == MAP_FAILED) return false;
    bool is_known = kt_identify(maps, (uint64_t)page, file);
    munmap(page, KT_PAGE);
    if (!is_known) return false;
    page = mmap(NULL, KT_PAGE, PROT_READ, MAP_SHARED | MAP_SYNC, file->descriptor, 0);
    if (page != MAP_FAILED) {
      munmap(page, KT_PAGE);
      return false;
    }
    if (errno != EOPNOTSUPP) return false;
  }
  return true;
}

static const char *make_files(int maps) {
  const char *given = getenv("TMPDIR");
  const char *directories[] = {given != NULL ? given : "/tmp", "/tmp", "/var/tmp", "."};
  for (size_t index = 0; index < sizeof directories / sizeof directories[0]; index += 1) {
    if (has_expected_files(directories[index], maps)) return NULL;
  }
  return "no directory for temporary files whose file system refuses MAP_SYNC and maps executable "
         "pages, as ext4 does";
}

static uint64_t number_in(const char *path) {
  char bytes[32] = {0};
  int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  ssize_t count = read(descriptor, bytes, sizeof bytes - 1);
  close(descriptor);
  return count > 0 ? strtoull(bytes, NULL, 10) : 0;
}

static bool has_right_to_lock(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}};
  return syscall(SYS_capget, &header, data) == 0 && (data[0].effective >> CAP_IPC_LOCK & 1) != 0;
}

// Whether memory that is only executable has a protection key, which keeps it from being populated.
static bool has_execute_only_keys(void) {
  void *page = mmap(NULL, KT_PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  bool has_keys = mlock(page, KT_PAGE) != 0;
  munmap(page, KT_PAGE);
  return has_keys;
}

// Finds out about the machine. Gives NULL, or why its kernel can't be the judge.
static const char *prepare(void) {
  struct sysinfo information;
  if (sysinfo(&information) != 0) return "no sysinfo";
  kt_machine.memory_bytes =
      ((uint64_t)information.totalram + information.totalswap) * information.mem_unit;
  kt_machine.map_count_max = number_in("/proc/sys/vm/max_map_count");
  kt_machine.lowest_address = number_in("/proc/sys/vm/mmap_min_addr");
  if (kt_machine.lowest_address < KT_PAGE) kt_machine.lowest_address = KT_PAGE;
  if (kt_machine.map_count_max < 65530 || kt_machine.map_count_max > 1 << 20) {
    return "vm.max_map_count is not between 65530 and 1048576";
  }
  if (number_in("/proc/sys/vm/overcommit_memory") != 0) return "vm.overcommit_memory is not 0";
  if (number_in("/proc/sys/vm/legacy_va_layout") != 0) return "vm.legacy_va_layout is not 0";
  if (!has_right_to_lock()) return "this process may not lock memory (CAP_IPC_LOCK)";
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return "no /proc/self/maps";
  struct kt_range range;
  if (!kt_find_mapping(maps, KT_PAGE, &range)) return "no PROCMAP_QUERY";
  kt_machine.filler = memfd_create("kernel-traces-filler", MFD_CLOEXEC);
  if (kt_machine.filler < 0) return "no memfd_create";
  const char *reason = make_files(maps);
  close(maps);
  return reason;
}

static _Noreturn void serve(void) {
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  (void)signal(SIGCHLD, SIG_DFL);
  (void)signal(SIGALRM, SIG_DFL);
  struct kt_area *area =
      mmap(NULL, KT_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, KT_AREA, 0);
  if (area == MAP_FAILED) _exit(1);
  area->server = getpid();
  const char *unusable = prepare();
  // The right to lock memory is there.
  if (unusable == NULL) area->has_execute_only_keys = has_execute_only_keys();
  if (unusable == NULL) unusable = kt_keep_from_scripts(area);
  if (unusable == NULL) unusable = kt_probe(area, run);
  if (unusable != NULL) {
    area->status = KT_UNUSABLE;
    snprintf(area->message, sizeof area->message, "%s", unusable);
  }
  // Each byte is one script; the other side's end is the end.
  for (char byte = 0;;) {
    if (send(KT_SOCKET, &byte, 1, MSG_NOSIGNAL) != 1) _exit(0);
    ssize_t count;
    do {
      count = recv(KT_SOCKET, &byte, 1, 0);
    } while (count < 0 && errno == EINTR);
    if (count != 1) _exit(0);
    (void)run(area);
  }
}

// Before the main function of a program that the client executed to be the server.
__attribute__((constructor)) static void serve_if_asked(void) {
  if (getenv(KT_ENVIRONMENT) != NULL) serve();
}

#endif
