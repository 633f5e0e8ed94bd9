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
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

#if KO_IS_SUPPORTED

#define FILE_BYTES (1 << 20)

struct ko_machine ko_machine;

KO_FREESTANDING_BEGIN

// Runs the area's script in a fork. False when it was not run; status and message say why.
static bool run(struct ko_area *area) {
  area->status = KO_CHILD_DIED;
  area->text_length = 0;
  area->message[0] = 0;
  long child = ko_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child == 0) ko_run_script(area);
  int status = 0;
  if (!ko_is_error(child)) {
    long ended;
    do {
      ended = ko_call(SYS_wait4, (uint64_t)child, (uint64_t)&status, 0, 0, 0, 0);
    } while (ended == -EINTR);
  }
  if (ko_is_error(child)) {
    area->status = (int32_t)-child;
    strcpy(area->message, "fork failed");
  } else if (area->status == KO_CHILD_DIED) {
    snprintf(area->message, sizeof area->message, "the script's process ended early: %s %d",
             WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
  }
  return area->status == 0;
}

KO_FREESTANDING_END

static int open_file(const char *directory, int flags) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/kernel-oracle-XXXXXX", directory) >= (int)sizeof path) {
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

// Whether the directory's file system maps files as the script format expects: executable too, and
// so that it refuses MAP_SYNC by itself.
static bool has_expected_files(const char *directory, int maps) {
  for (int index = 0; index < 4; index += 1) {
    struct ko_file *file = &ko_machine.files[index];
    file->descriptor = open_file(directory, index == 3 ? O_RDONLY : O_RDWR);
    if (file->descriptor < 0) return false;
    void *page = mmap(NULL, KO_PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, file->descriptor, 0);
    if (page == MAP_FAILED) return false;
    bool is_known = ko_identify(maps, (uint64_t)page, file);
    munmap(page, KO_PAGE);
    if (!is_known) return false;
    page = mmap(NULL, KO_PAGE, PROT_READ, MAP_SHARED | MAP_SYNC, file->descriptor, 0);
    if (page != MAP_FAILED) {
      munmap(page, KO_PAGE);
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
  void *page = mmap(NULL, KO_PAGE, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  bool has_keys = mlock(page, KO_PAGE) != 0;
  munmap(page, KO_PAGE);
  return has_keys;
}

// Whether the kernel lets a process say where its heap is.
static bool can_set_heap(void) {
  unsigned size = 0;
  return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0 &&
         size == sizeof(struct prctl_mm_map);
}

// Finds out about the machine. Gives NULL, or why its kernel can't be the judge.
static const char *prepare(void) {
  struct sysinfo information;
  if (sysinfo(&information) != 0) return "no sysinfo";
  ko_machine.memory_bytes =
      ((uint64_t)information.totalram + information.totalswap) * information.mem_unit;
  ko_machine.map_count_max = number_in("/proc/sys/vm/max_map_count");
  ko_machine.lowest_address = number_in("/proc/sys/vm/mmap_min_addr");
  if (ko_machine.lowest_address < KO_PAGE) ko_machine.lowest_address = KO_PAGE;
  if (ko_machine.map_count_max < 65530 || ko_machine.map_count_max > 1 << 20) {
    return "vm.max_map_count is not between 65530 and 1048576";
  }
  if (number_in("/proc/sys/vm/overcommit_memory") != 0) return "vm.overcommit_memory is not 0";
  if (number_in("/proc/sys/vm/legacy_va_layout") != 0) return "vm.legacy_va_layout is not 0";
  if (!has_right_to_lock()) return "this process may not lock memory (CAP_IPC_LOCK)";
  if (!can_set_heap()) return "no PR_SET_MM_MAP (CONFIG_CHECKPOINT_RESTORE)";
  int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return "no /proc/self/maps";
  struct ko_range range;
  if (!ko_find_mapping(maps, KO_PAGE, &range)) return "no PROCMAP_QUERY";
  ko_machine.filler = memfd_create("kernel-oracle-filler", MFD_CLOEXEC);
  if (ko_machine.filler < 0) return "no memfd_create";
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
  struct ko_area *area =
      mmap(NULL, KO_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, KO_AREA, 0);
  if (area == MAP_FAILED) _exit(1);
  area->server = getpid();
  const char *unusable = prepare();
  // The right to lock memory is there.
  if (unusable == NULL) area->has_execute_only_keys = has_execute_only_keys();
  if (unusable == NULL) unusable = ko_keep_from_scripts(area);
  if (unusable == NULL) unusable = ko_probe(area, run);
  if (unusable != NULL) {
    area->status = KO_UNUSABLE;
    snprintf(area->message, sizeof area->message, "%s", unusable);
  }
  // Each byte is one script; the other side's end is the end.
  for (char byte = 0;;) {
    if (send(KO_SOCKET, &byte, 1, MSG_NOSIGNAL) != 1) _exit(0);
    ssize_t count;
    do {
      count = recv(KO_SOCKET, &byte, 1, 0);
    } while (count < 0 && errno == EINTR);
    if (count != 1) _exit(0);
    (void)run(area);
  }
}

// Before the main function of a program that the client executed to be the server.
__attribute__((constructor)) static void serve_if_asked(void) {
  if (getenv(KO_ENVIRONMENT) != NULL) serve();
}

#endif
