// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "_SystemShims.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

// MARK: - System calls that change a map

// Of mmap, mprotect and the like the kernel reports the mapping that they leave, unless they fail:
// then they may have cut or removed mappings.
static const struct {
  long number;
  enum sysshims_call_effect kind;
} map_calls[] = {
    {SYS_munmap, SYSSHIMS_CALL_EFFECT_RANGE},   {SYS_madvise, SYSSHIMS_CALL_EFFECT_RANGE},
    {SYS_mlock, SYSSHIMS_CALL_EFFECT_RANGE},    {SYS_munlock, SYSSHIMS_CALL_EFFECT_RANGE},
    {SYS_mlock2, SYSSHIMS_CALL_EFFECT_RANGE},   {SYS_mremap, SYSSHIMS_CALL_EFFECT_REMAP},
    {SYS_brk, SYSSHIMS_CALL_EFFECT_BREAK},      {SYS_prctl, SYSSHIMS_CALL_EFFECT_PRCTL},
    {SYS_mlockall, SYSSHIMS_CALL_EFFECT_ANY},   {SYS_munlockall, SYSSHIMS_CALL_EFFECT_ANY},
    {SYS_shmdt, SYSSHIMS_CALL_EFFECT_ANY},      {SYS_mbind, SYSSHIMS_CALL_EFFECT_RANGE},
    // Of the process itself: it says what it advises in memory.
    {440 /* SYS_process_madvise */, SYSSHIMS_CALL_EFFECT_ANY},
    {450 /* SYS_set_mempolicy_home_node */, SYSSHIMS_CALL_EFFECT_RANGE},
    {SYS_mmap, SYSSHIMS_CALL_EFFECT_FAILURE},   {SYS_mprotect, SYSSHIMS_CALL_EFFECT_FAILURE},
    {SYS_pkey_mprotect, SYSSHIMS_CALL_EFFECT_FAILURE},
};

enum { map_call_count = sizeof(map_calls) / sizeof(map_calls[0]) };

enum sysshims_call_effect sysshims_call_effect_of(long number) {
  for (size_t index = 0; index < map_call_count; index += 1)
    if (map_calls[index].number == number) return map_calls[index].kind;
  return SYSSHIMS_CALL_EFFECT_NONE;
}

bool sysshims_prctl_names_range(uint64_t option, uint64_t operation) {
  // PR_SET_VMA and PR_SET_VMA_ANON_NAME as numbers, since some systems' headers are older than
  // these.
  return option == 0x53564d41 && operation == 0;
}

/// Makes a tracepoint of all system calls report only those that may change a map, by a filter such
/// as "id == 11 || id == 12", to which a tracepoint where calls end adds "|| id == 9 && ret < 0".
static int filter_map_calls(int event, bool is_end) {
  char filter[map_call_count * 32] = "";
  size_t length = 0;
  for (size_t index = 0; index < map_call_count; index += 1) {
    bool is_failure = map_calls[index].kind == SYSSHIMS_CALL_EFFECT_FAILURE;
    if (is_failure && !is_end) continue;
    length += (size_t)snprintf(filter + length, sizeof(filter) - length, "%sid == %ld%s",
                               index == 0 ? "" : " || ", map_calls[index].number,
                               is_failure ? " && ret < 0" : "");
  }
  return ioctl(event, PERF_EVENT_IOC_SET_FILTER, filter);
}

// MARK: - Events

static int open_event(struct perf_event_attr *attributes, pid_t thread, int processor) {
  return (int)syscall(SYS_perf_event_open, attributes, thread, processor, -1,
                      PERF_FLAG_FD_CLOEXEC);
}

int sysshims_perf_open(const struct sysshims_perf_request *request) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof(attributes));
  attributes.size = sizeof(attributes);
  if (request->tracepoint == 0) {
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_DUMMY;
    attributes.mmap = 1;
    attributes.mmap2 = 1;
    attributes.mmap_data = 1;
    attributes.task = 1;
    attributes.comm = 1;
    attributes.comm_exec = 1;
    attributes.exclude_kernel = 1;
  } else {
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.config = request->tracepoint;
    attributes.sample_period = 1;
    // perf counts the tracepoints of single calls as events of user space, and those of all calls
    // as events of the kernel.
    attributes.exclude_kernel = !request->is_of_all_calls;
    attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_RAW;
  }
  // Records of mappings have no time: nothing is ordered by it, and reading the clock for each
  // takes a large part of what a record costs the process.
  attributes.exclude_hv = 1;
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_MONOTONIC;
  attributes.watermark = 1;
  attributes.wakeup_watermark = request->wakeup_bytes;
  attributes.inherit = 1;
  attributes.inherit_thread = 1;
  int event = open_event(&attributes, request->thread, request->processor);
  if (event < 0 && (errno == EINVAL || errno == E2BIG)) {
    // Linux before 5.13 reports child processes too: it has no inherit_thread.
    attributes.inherit_thread = 0;
    event = open_event(&attributes, request->thread, request->processor);
  }
  if (event >= 0 && request->is_of_all_calls &&
      filter_map_calls(event, request->is_end) != 0) {
    int error = errno;
    (void)close(event);
    errno = error;
    return -1;
  }
  return event;
}

int sysshims_perf_redirect(int event, int target) {
  return ioctl(event, PERF_EVENT_IOC_SET_OUTPUT, target);
}

void *sysshims_perf_map(int event, size_t pages) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  void *ring = mmap(NULL, (1 + pages) * page, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
  return ring == MAP_FAILED ? NULL : ring;
}

void sysshims_perf_unmap(void *ring, size_t pages) {
  (void)munmap(ring, (1 + pages) * (size_t)sysconf(_SC_PAGESIZE));
}

int sysshims_perf_pause(int event, bool is_paused) {
  return ioctl(event, PERF_EVENT_IOC_PAUSE_OUTPUT, is_paused ? 1 : 0);
}

// Acquire: pairs with the kernel's store of the head, which follows its writes of the records.
// Guarantees that the records up to the head are complete. Without it: half-written records could
// be read.
static uint64_t head_of(const void *ring) {
  const struct perf_event_mmap_page *page = ring;
  return __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
}

static void copy_out(const char *data, size_t size, uint64_t position, void *target, size_t count) {
  size_t offset = (size_t)(position & (size - 1));
  size_t first = count < size - offset ? count : size - offset;
  memcpy(target, data + offset, first);
  memcpy((char *)target + first, data, count - first);
}

// The largest record is that of a mapping with the longest path.
enum { largest_record = 4096 + 128 };

size_t sysshims_perf_take(void *ring, size_t pages, void *buffer, size_t capacity,
                          bool *has_lost) {
  struct perf_event_mmap_page *page = ring;
  size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  size_t size = pages * page_bytes;
  const char *data = (const char *)ring + page_bytes;
  uint64_t head = head_of(ring);
  uint64_t tail = page->data_tail;
  uint64_t old_tail = tail;
  size_t taken = 0;
  while (tail < head) {
    struct perf_event_header header;
    copy_out(data, size, tail, &header, sizeof(header));
    if (header.size < sizeof(header) || taken + header.size > capacity) break;
    copy_out(data, size, tail, (char *)buffer + taken, header.size);
    taken += header.size;
    tail += header.size;
  }
  // Release: pairs with the kernel's load of the tail, which precedes its writes over the space
  // that is free. Guarantees that the copies above are finished by then. Without it: records could
  // be overwritten while they are copied.
  __atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
  // A record that was dropped is told of by the next that isn't, if one ever comes. It was dropped
  // because it didn't fit behind the old tail.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  *has_lost = head_of(ring) - old_tail + largest_record > size;
  return taken;
}

void sysshims_perf_discard(void *ring) {
  struct perf_event_mmap_page *page = ring;
  // Release: as in `sysshims_perf_take`.
  __atomic_store_n(&page->data_tail, head_of(ring), __ATOMIC_RELEASE);
}

// MARK: - Waiting

int sysshims_watch_open(void) { return epoll_create1(EPOLL_CLOEXEC); }

int sysshims_watch_add(int watch, int descriptor, uint64_t tag, bool is_told_once) {
  struct epoll_event event = {.events = EPOLLIN | (is_told_once ? EPOLLET : 0u), .data.u64 = tag};
  return epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event);
}

void sysshims_watch_remove(int watch, int descriptor) {
  (void)epoll_ctl(watch, EPOLL_CTL_DEL, descriptor, NULL);
}

int sysshims_watch_wait(int watch, uint64_t *tags, int capacity) {
  struct epoll_event events[64];
  int count = epoll_wait(watch, events, capacity < 64 ? capacity : 64, -1);
  for (int index = 0; index < count; index += 1) tags[index] = events[index].data.u64;
  return count;
}

int sysshims_timer_open(void) {
  return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

void sysshims_timer_set(int timer, uint64_t time) {
  struct itimerspec setting;
  memset(&setting, 0, sizeof(setting));
  if (time != UINT64_MAX) {
    // A time of 0 would disarm the timer.
    uint64_t nanoseconds = time == 0 ? 1 : time;
    setting.it_value.tv_sec = (time_t)(nanoseconds / 1000000000);
    setting.it_value.tv_nsec = (long)(nanoseconds % 1000000000);
  }
  (void)timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, NULL);
}

int sysshims_signal_open(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void sysshims_signal_set(int descriptor) {
  uint64_t one = 1;
  ssize_t written = write(descriptor, &one, sizeof(one));
  (void)written;
}

void sysshims_signal_clear(int descriptor) {
  uint64_t count;
  ssize_t got = read(descriptor, &count, sizeof(count));
  (void)got;
}

int sysshims_process_open(pid_t process) {
#ifdef SYS_pidfd_open
  return (int)syscall(SYS_pidfd_open, process, 0);
#else
  errno = ENOSYS;
  return -1;
#endif
}

#pragma GCC visibility pop
