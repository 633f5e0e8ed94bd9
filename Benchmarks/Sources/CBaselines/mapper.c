// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Processes that are watched: forked children that map and unmap when they are told to. They make
// system calls and nothing else: they are copies of one thread of a process with many.

#define _GNU_SOURCE 1

#include "mapper.h"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct command {
  enum { MAP, UNMAP, PAIRS, PAIRS_WRITTEN } kind;
  uint64_t count;
};

struct mapper {
  pid_t pid;
  int commands;
  int results;
};

static const size_t page = 4096;

uint64_t mapper_window(void) { return 0x200000000000; }

static void *map_page(void *address) {
  return mmap(address, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
              0);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static _Noreturn void serve(int commands, int results, size_t vma_count) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char *window = (void *)mapper_window();
  // Every second page, behind the window's first two.
  for (size_t index = 1; index <= vma_count; index += 1) map_page(window + 2 * index * page);
  uint64_t result = 0;
  (void)!write(results, &result, sizeof(result));
  struct command command;
  while (read(commands, &command, sizeof(command)) == (ssize_t)sizeof(command)) {
    switch (command.kind) {
      case MAP:
        map_page(window);
        result = now();
        break;
      case UNMAP:
        munmap(window, page);
        result = now();
        break;
      case PAIRS:
      case PAIRS_WRITTEN: {
        uint64_t start = now();
        for (uint64_t index = 0; index < command.count; index += 1) {
          map_page(window);
          if (command.kind == PAIRS_WRITTEN) *(volatile char *)window = 1;
          munmap(window, page);
        }
        result = (now() - start) / command.count;
        break;
      }
    }
    (void)!write(results, &result, sizeof(result));
  }
  _exit(0);
}

struct mapper *mapper_start(size_t vma_count) {
  struct mapper *mapper = calloc(1, sizeof(*mapper));
  int to_child[2], from_child[2];
  if (mapper == NULL || pipe(to_child) != 0 || pipe(from_child) != 0) abort();
  mapper->pid = fork();
  if (mapper->pid == 0) {
    close(to_child[1]);
    close(from_child[0]);
    serve(to_child[0], from_child[1], vma_count);
  }
  close(to_child[0]);
  close(from_child[1]);
  mapper->commands = to_child[1];
  mapper->results = from_child[0];
  uint64_t ready;
  if (mapper->pid < 0 || read(mapper->results, &ready, sizeof(ready)) != sizeof(ready)) abort();
  return mapper;
}

void mapper_end(struct mapper *mapper) {
  kill(mapper->pid, SIGKILL);
  waitpid(mapper->pid, NULL, 0);
  close(mapper->commands);
  close(mapper->results);
  free(mapper);
}

int32_t mapper_pid(const struct mapper *mapper) { return mapper->pid; }

static void tell(const struct mapper *mapper, int kind, uint64_t count) {
  struct command command = {.kind = kind, .count = count};
  if (write(mapper->commands, &command, sizeof(command)) != sizeof(command)) abort();
}

uint64_t mapper_result(const struct mapper *mapper) {
  uint64_t result;
  if (read(mapper->results, &result, sizeof(result)) != sizeof(result)) abort();
  return result;
}

void mapper_tell(const struct mapper *mapper, bool maps) { tell(mapper, maps ? MAP : UNMAP, 0); }

uint64_t mapper_pairs(const struct mapper *mapper, uint64_t count, bool writes) {
  tell(mapper, writes ? PAIRS_WRITTEN : PAIRS, count);
  return mapper_result(mapper);
}

// glibc 2.35 and later.
struct dl_find_object;
static int (*find_object)(void *, struct dl_find_object *);

bool mapper_finds_objects(void) {
  if (find_object == NULL)
    find_object = (int (*)(void *, struct dl_find_object *))dlsym(RTLD_DEFAULT, "_dl_find_object");
  return find_object != NULL;
}

uint64_t mapper_find_objects(const uint64_t *addresses, size_t address_count, size_t count) {
  // Larger than the structure is.
  uint64_t result[32];
  uint64_t found = 0;
  for (size_t index = 0; index < count; index += 1)
    found += find_object((void *)addresses[index % address_count], (void *)result) == 0;
  return found;
}

static int add_object(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  struct mapper_objects *objects = context;
  for (int index = 0; index < info->dlpi_phnum; index += 1) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[index];
    bool is_code = header->p_type == PT_LOAD && (header->p_flags & PF_X) != 0;
    if (is_code && objects->count < 64)
      objects->addresses[objects->count++] =
          info->dlpi_addr + header->p_vaddr + header->p_memsz / 2;
  }
  return 0;
}

void mapper_list_objects(struct mapper_objects *objects) {
  objects->count = 0;
  dl_iterate_phdr(add_object, objects);
}

uint64_t mapper_processor_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}
