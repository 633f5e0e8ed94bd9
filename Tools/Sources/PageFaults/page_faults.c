// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "page_faults.h"

#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { processors_max = 1024 };

// One processor's records: 20,000 faults. A power of two of pages, whatever their size is.
static const uint64_t ring_bytes = 1 << 20;

// The kernel's end of one processor's records.
typedef struct {
  int descriptor;
  struct perf_event_mmap_page *header;
  const char *records;
} ring;

struct pagefaults_recorder {
  int count;
  bool has_lost;
  // Of the system: aarch64 has three sizes. The ring's header takes one page.
  size_t page_bytes;
  ring rings[processors_max];
};

// What is asked for of a fault, in the order in which the kernel writes it.
typedef struct {
  struct perf_event_header header;
  uint32_t process_id, thread_id;
  uint64_t nanoseconds;
  uint64_t address;
} fault_record;

static bool open_ring(ring *ring, int processor, size_t page_bytes) {
  struct perf_event_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.config = PERF_COUNT_SW_PAGE_FAULTS;
  attributes.sample_period = 1;
  attributes.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR;
  attributes.inherit = 1;
  // The clock that strace's times are of.
  attributes.use_clockid = 1;
  attributes.clockid = CLOCK_REALTIME;
  ring->descriptor = (int)syscall(
      SYS_perf_event_open, &attributes, 0, processor, -1, PERF_FLAG_FD_CLOEXEC);
  if (ring->descriptor < 0) return false;
  void *memory = mmap(NULL, page_bytes + ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                      ring->descriptor, 0);
  if (memory == MAP_FAILED) {
    close(ring->descriptor);
    return false;
  }
  ring->header = memory;
  ring->records = (const char *)memory + page_bytes;
  return true;
}

pagefaults_recorder *pagefaults_start(void) {
  pagefaults_recorder *recorder = calloc(1, sizeof *recorder);
  if (recorder == NULL) return NULL;
  recorder->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  long processors = sysconf(_SC_NPROCESSORS_CONF);
  for (long processor = 0; processor < processors; processor++) {
    if (processor == processors_max ||
        !open_ring(&recorder->rings[recorder->count], (int)processor, recorder->page_bytes)) {
      pagefaults_stop(recorder);
      return NULL;
    }
    recorder->count++;
  }
  return recorder;
}

// Copies what may reach from the ring's end to its start.
static void copy_out(const ring *ring, uint64_t position, void *target, size_t bytes) {
  uint64_t start = position % ring_bytes;
  size_t first = ring_bytes - start < bytes ? (size_t)(ring_bytes - start) : bytes;
  memcpy(target, ring->records + start, first);
  memcpy((char *)target + first, ring->records, bytes - first);
}

size_t pagefaults_take(pagefaults_recorder *recorder, pagefaults_fault *faults, size_t capacity) {
  size_t count = 0;
  for (int index = 0; index < recorder->count; index++) {
    ring *ring = &recorder->rings[index];
    // Acquire: pairs with the kernel's barrier before it moves the head. The records are complete.
    uint64_t head = __atomic_load_n(&ring->header->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->header->data_tail;
    while (tail < head && count < capacity) {
      fault_record record;
      copy_out(ring, tail, &record, sizeof record.header);
      if (record.header.size == 0) break;
      if (record.header.type == PERF_RECORD_LOST) recorder->has_lost = true;
      if (record.header.type == PERF_RECORD_SAMPLE && record.header.size >= sizeof record) {
        copy_out(ring, tail, &record, sizeof record);
        faults[count].nanoseconds = record.nanoseconds;
        faults[count].address = record.address;
        faults[count].thread_id = (int32_t)record.thread_id;
        count++;
      }
      tail += record.header.size;
    }
    // Release: pairs with the kernel's barrier after it reads the tail. What is overwritten has
    // been copied.
    __atomic_store_n(&ring->header->data_tail, tail, __ATOMIC_RELEASE);
  }
  return count;
}

bool pagefaults_has_lost(const pagefaults_recorder *recorder) { return recorder->has_lost; }

void pagefaults_stop(pagefaults_recorder *recorder) {
  for (int index = 0; index < recorder->count; index++) {
    munmap(recorder->rings[index].header, recorder->page_bytes + ring_bytes);
    close(recorder->rings[index].descriptor);
  }
  free(recorder);
}
