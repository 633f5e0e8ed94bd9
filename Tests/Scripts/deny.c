// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// deny CALL:ERROR… -- PROGRAM ARGUMENT…
//
// Executes PROGRAM with system calls that fail, as on a kernel that hasn't them or in a container
// whose profile forbids them. CALL is membarrier, perf_event_open, ptrace or procmap_query (the
// ioctl alone); ERROR is ENOSYS, EPERM or ENOTTY. What PROGRAM starts is bound by it too.
//
// Exit status: PROGRAM's; 64 for bad arguments; 69 if filters can't be installed; 127 if PROGRAM
// can't be executed.

#define _GNU_SOURCE 1

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { calls_max = 16, instructions_of_call = 5 };

#define PROCMAP_QUERY 0xc0686611

static const struct {
  const char *name;
  unsigned number;
} calls[] = {{"membarrier", SYS_membarrier},
             {"perf_event_open", SYS_perf_event_open},
             {"ptrace", SYS_ptrace},
             {"procmap_query", SYS_ioctl}};

static const struct {
  const char *name;
  unsigned number;
} errors[] = {{"ENOSYS", ENOSYS}, {"EPERM", EPERM}, {"ENOTTY", ENOTTY}};

static int usage(const char *argument) {
  fprintf(stderr, "deny: \"%s\": must be CALL:ERROR, with CALL one of", argument);
  for (size_t index = 0; index < sizeof calls / sizeof *calls; index += 1) {
    fprintf(stderr, " %s", calls[index].name);
  }
  fprintf(stderr, ", and ERROR one of");
  for (size_t index = 0; index < sizeof errors / sizeof *errors; index += 1) {
    fprintf(stderr, " %s", errors[index].name);
  }
  fprintf(stderr, "; then -- and a program\n");
  return 64;
}

// Appends instructions that let the call of `argument` fail. False: it is none.
static bool add(struct sock_filter *code, unsigned short *length, const char *argument) {
  const char *colon = strchr(argument, ':');
  if (colon == NULL) return false;
  size_t call = 0, error = 0, name_length = (size_t)(colon - argument);
  while (call < sizeof calls / sizeof *calls &&
         (strlen(calls[call].name) != name_length ||
          strncmp(calls[call].name, argument, name_length) != 0)) {
    call += 1;
  }
  while (error < sizeof errors / sizeof *errors && strcmp(errors[error].name, colon + 1) != 0) {
    error += 1;
  }
  if (call == sizeof calls / sizeof *calls || error == sizeof errors / sizeof *errors) return false;
  bool is_query = calls[call].number == SYS_ioctl;
  unsigned number = offsetof(struct seccomp_data, nr);
  unsigned second = is_query ? offsetof(struct seccomp_data, args[1]) : number;
  struct sock_filter added[instructions_of_call] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[call].number, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, second),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, is_query ? PROCMAP_QUERY : calls[call].number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | errors[error].number),
  };
  memcpy(code + *length, added, sizeof added);
  *length = (unsigned short)(*length + instructions_of_call);
  return true;
}

int main(int count, char **arguments) {
  struct sock_filter code[calls_max * instructions_of_call + 1];
  unsigned short length = 0;
  int index = 1;
  for (; index < count && strcmp(arguments[index], "--") != 0; index += 1) {
    if (index > calls_max || !add(code, &length, arguments[index])) return usage(arguments[index]);
  }
  if (index + 1 >= count || index == 1) return usage(count > 1 ? arguments[count - 1] : "");
  code[length] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = (unsigned short)(length + 1), .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("deny: the filter can't be installed");
    return 69;
  }
  execvp(arguments[index + 1], arguments + index + 1);
  perror("deny: the program can't be executed");
  return 127;
}
