// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The test process's side: starts the server, hands scripts over.

#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"

static int fail(int code, const char *message, char **text, size_t *text_length) {
  *text = strdup(message);
  *text_length = *text == NULL ? 0 : strlen(*text);
  return code;
}

#if KO_IS_SUPPORTED

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KO_HAS_ADDRESS_SANITIZER 1
#endif
#endif

// Longer than any script may take, and than a start under a sanitizer.
#define ANSWER_SECONDS 180
#define STACK_BYTES (UINT64_C(8) << 20)

// All under `lock`.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ko_area *area;
static int area_descriptor = -1;
static int server = -1;
// Not 0, after the start of a server, if scripts can't be run: a kernel_oracle_failure or an error
// number, and why.
static int32_t failure;
static char reason[sizeof area->message];

// What a new program needs, made before the fork.
struct start {
  char *arguments[256];
  char **environment;
  char command_line[64 << 10];
};

static bool read_command_line(struct start *start) {
  int descriptor = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  size_t length = 0;
  for (ssize_t count;; length += (size_t)count) {
    count = read(descriptor, start->command_line + length, sizeof start->command_line - 1 - length);
    if (count <= 0) break;
  }
  close(descriptor);
  size_t index = 0, limit = sizeof start->arguments / sizeof start->arguments[0] - 1;
  for (size_t offset = 0; offset < length && index < limit; index += 1) {
    start->arguments[index] = start->command_line + offset;
    offset += strlen(start->command_line + offset) + 1;
  }
  start->arguments[index] = NULL;
  return index > 0;
}

static bool make_environment(struct start *start) {
  size_t count = 0;
  while (environ[count] != NULL) count += 1;
  start->environment = calloc(count + 2, sizeof *start->environment);
  if (start->environment == NULL) return false;
  memcpy(start->environment, environ, count * sizeof *environ);
  start->environment[count] = KO_ENVIRONMENT "=1";
  return true;
}

KO_FREESTANDING_BEGIN

static void move_descriptor(long from, long to) {
  (void)ko_call(SYS_dup2, (uint64_t)from, (uint64_t)to, 0, 0, 0, 0);
}

// In a fork of a process of many threads: system calls only. Not a child of the test process, so
// that nobody who waits for any child there ever sees it.
static _Noreturn void become_server(const struct start *start, int socket) {
  long child = ko_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child != 0) ko_exit(ko_is_error(child) ? 1 : 0);
  // Above those that they become.
  long high_socket = ko_call(SYS_fcntl, (uint64_t)socket, F_DUPFD, 16, 0, 0, 0);
  long high_area = ko_call(SYS_fcntl, (uint64_t)area_descriptor, F_DUPFD, 16, 0, 0, 0);
  long null = ko_call(SYS_open, (uint64_t)"/dev/null", O_RDWR, 0, 0, 0, 0);
  for (long target = 0; target < 3; target += 1) {
    if (target != null) move_descriptor(null, target);
  }
  move_descriptor(high_socket, KO_SOCKET);
  move_descriptor(high_area, KO_AREA);
  (void)ko_call(SYS_close_range, KO_AREA + 1, UINT32_MAX, 0, 0, 0, 0);
  // The address space is laid out by these.
  struct rlimit stack = {STACK_BYTES, RLIM_INFINITY};
  (void)ko_call(SYS_prlimit64, 0, RLIMIT_STACK, (uint64_t)&stack, 0, 0, 0);
  // ThreadSanitizer may need the layout that is not random.
  long personality = ko_call(SYS_personality, UINT32_MAX, 0, 0, 0, 0, 0);
  (void)ko_call(SYS_personality, (uint64_t)(personality & ADDR_NO_RANDOMIZE), 0, 0, 0, 0, 0);
  (void)ko_call(SYS_execve, (uint64_t)"/proc/self/exe", (uint64_t)start->arguments,
                (uint64_t)start->environment, 0, 0, 0);
  ko_exit(1);
}

static long fork_server(const struct start *start, int socket) {
  long child = ko_call(SYS_fork, 0, 0, 0, 0, 0, 0);
  if (child == 0) become_server(start, socket);
  return child;
}

KO_FREESTANDING_END

static bool make_area(void) {
  if (area != NULL) return true;
  int descriptor = memfd_create("kernel-oracle", MFD_CLOEXEC);
  if (descriptor < 0) return false;
  void *mapped = MAP_FAILED;
  if (ftruncate(descriptor, (off_t)KO_AREA_BYTES) == 0) {
    mapped = mmap(NULL, KO_AREA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  }
  if (mapped == MAP_FAILED) {
    close(descriptor);
    return false;
  }
  area = mapped;
  area_descriptor = descriptor;
  return true;
}

static bool await_answer(void) {
  char byte;
  ssize_t count;
  do {
    count = recv(server, &byte, 1, 0);
  } while (count < 0 && errno == EINTR);
  return count == 1;
}

static void drop_server(void) {
  if (server < 0) return;
  if (area->server > 0) (void)kill(area->server, SIGKILL);
  close(server);
  server = -1;
}

static bool start_with(struct start *start) {
  int sockets[2];
  if (!make_area() || !read_command_line(start) || !make_environment(start)) return false;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) return false;
  struct timeval patience = {.tv_sec = ANSWER_SECONDS};
  (void)setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  area->server = 0;
  long child = fork_server(start, sockets[1]);
  close(sockets[1]);
  server = sockets[0];
  if (ko_is_error(child)) {
    drop_server();
    return false;
  }
  while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) continue;
  if (!await_answer()) {
    drop_server();
    return false;
  }
  failure = area->status;
  memcpy(reason, area->message, sizeof reason);
  return true;
}

static bool start_server(void) {
  if (server >= 0) return true;
  // This is the program that should have become the server, and hasn't.
  if (getenv(KO_ENVIRONMENT) != NULL) return false;
  struct start *start = calloc(1, sizeof *start);
  if (start == NULL) return false;
  bool is_started = start_with(start);
  free(start->environment);
  free(start);
  return is_started;
}

// Has the server run the script.
static bool is_answered(const struct kernel_oracle_setup *setup,
                        const struct kernel_oracle_operation *operations, size_t count) {
  if (!start_server() || failure != 0) return false;
  area->setup = *setup;
  area->operation_count = count;
  if (count > 0) memcpy(area->operations, operations, count * sizeof *operations);
  if (send(server, "", 1, MSG_NOSIGNAL) == 1 && await_answer()) return true;
  drop_server();
  return false;
}

static int run(const struct kernel_oracle_setup *setup,
               const struct kernel_oracle_operation *operations, size_t count, char **text,
               size_t *text_length) {
  size_t room = KO_AREA_BYTES - offsetof(struct ko_area, operations);
  if (count > room / 2 / sizeof *operations) {
    return fail(KO_TOO_LONG, "the script is too long", text, text_length);
  }
  // Somebody may have ended the server: once more with a new one.
  if (!is_answered(setup, operations, count) && !is_answered(setup, operations, count)) {
    return fail(KO_NO_SERVER, "the server does not answer", text, text_length);
  }
  if (area->status != 0) {
    char message[sizeof area->message];
    memcpy(message, area->message, sizeof message);
    message[sizeof message - 1] = 0;
    return fail(area->status, message, text, text_length);
  }
  size_t length = area->text_length;
  char *copy = malloc(length + 1);
  if (copy == NULL) return fail(ENOMEM, "no memory for the results", text, text_length);
  memcpy(copy, ko_area_text(area), length);
  copy[length] = 0;
  *text = copy;
  *text_length = length;
  return 0;
}

int kernel_oracle_run(const struct kernel_oracle_setup *setup,
                      const struct kernel_oracle_operation *operations, size_t count, char **text,
                      size_t *text_length) {
  const char *unusable = kernel_oracle_unusable();
  if (unusable != NULL) return fail(KO_UNUSABLE, unusable, text, text_length);
  pthread_mutex_lock(&lock);
  int result = failure != 0 ? fail(failure, reason, text, text_length)
                            : run(setup, operations, count, text, text_length);
  pthread_mutex_unlock(&lock);
  return result;
}

int kernel_oracle_has_execute_only_keys(void) {
  if (kernel_oracle_unusable() != NULL) return 0;
  pthread_mutex_lock(&lock);
  int result = server >= 0 && area->has_execute_only_keys != 0;
  pthread_mutex_unlock(&lock);
  return result;
}

int kernel_oracle_server(void) {
  pthread_mutex_lock(&lock);
  int result = server >= 0 ? area->server : 0;
  pthread_mutex_unlock(&lock);
  return result;
}

int kernel_oracle_drop_right(int right) {
  return prctl(PR_CAPBSET_DROP, (unsigned long)right, 0UL, 0UL, 0UL) == 0 ? 0 : errno;
}

const char *kernel_oracle_unusable(void) {
#if KO_HAS_ADDRESS_SANITIZER
  return "AddressSanitizer has its own where the windows are";
#else
  pthread_mutex_lock(&lock);
  // Not to be tried again and again.
  if (failure == 0 && !start_server()) {
    failure = KO_NO_SERVER;
    strcpy(reason, "the process that runs scripts does not start");
  }
  const char *result = failure == KO_UNUSABLE ? reason : NULL;
  pthread_mutex_unlock(&lock);
  return result;
#endif
}

#else

static const char other_system[] = "this is not Linux on x86-64";

int kernel_oracle_run(const struct kernel_oracle_setup *setup,
                      const struct kernel_oracle_operation *operations, size_t count, char **text,
                      size_t *text_length) {
  (void)setup;
  (void)operations;
  (void)count;
  return fail(KO_UNUSABLE, other_system, text, text_length);
}

const char *kernel_oracle_unusable(void) { return other_system; }

int kernel_oracle_has_execute_only_keys(void) { return 0; }

int kernel_oracle_server(void) { return 0; }

int kernel_oracle_drop_right(int right) {
  (void)right;
  return ENOSYS;
}

#endif
