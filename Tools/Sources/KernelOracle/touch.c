// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "internal.h"

#if KO_IS_SUPPORTED

// int ko_touch_store(uint64_t address): the one instruction that may fault, and where the handler
// goes on after it, with the signal's number as the result. And how a handler returns.
__asm__(
    ".text\n"
    ".globl ko_touch_store, ko_touch_access, ko_touch_faulted, ko_restore_rt\n"
    ".hidden ko_touch_store, ko_touch_access, ko_touch_faulted, ko_restore_rt\n"
    ".type ko_touch_store, @function\n"
    "ko_touch_store:\n"
    "  xorl %eax, %eax\n"
    "ko_touch_access:\n"
    "  movb $1, (%rdi)\n"
    "ko_touch_faulted:\n"
    "  ret\n"
    ".size ko_touch_store, . - ko_touch_store\n"
    ".type ko_restore_rt, @function\n"
    "ko_restore_rt:\n"
    "  movl $15, %eax\n"
    "  syscall\n"
    ".size ko_restore_rt, . - ko_restore_rt\n");

int ko_touch_store(uint64_t address);
extern const char ko_touch_access[], ko_touch_faulted[];
void ko_restore_rt(void);

// As the kernel has it.
struct kernel_sigaction {
  void (*handler)(int, siginfo_t *, void *);
  uint64_t flags;
  void (*restorer)(void);
  uint64_t mask;
};

#define RESTORER UINT64_C(0x04000000)

KO_FREESTANDING_BEGIN

static void fault(int signal, siginfo_t *information, void *context) {
  (void)information;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  // Anything else is a fault of the harness.
  if (registers[REG_RIP] != (greg_t)ko_touch_access) ko_exit(128 + signal);
  registers[REG_RIP] = (greg_t)ko_touch_faulted;
  registers[REG_RAX] = signal;
}

// The handlers run on the stack that is in use: it is far from the window, and what they need of it
// is there already.
long ko_install_fault_handlers(void) {
  struct kernel_sigaction action = {
      .handler = fault, .flags = SA_SIGINFO | RESTORER, .restorer = ko_restore_rt, .mask = 0};
  long result = ko_call(SYS_rt_sigaction, SIGSEGV, (uint64_t)&action, 0, sizeof action.mask, 0, 0);
  if (ko_is_error(result)) return result;
  return ko_call(SYS_rt_sigaction, SIGBUS, (uint64_t)&action, 0, sizeof action.mask, 0, 0);
}

// Whether a write there would reach the harness, or make its stack grow.
static bool reaches_harness(const struct ko_script *script, uint64_t address) {
  struct ko_range next;
  if (!ko_find_mapping(script->maps, address, &next)) return false;
  if (!ko_intersects_harness(script, next.start, next.end)) return false;
  return next.start <= address || next.end == script->stack.end;
}

void ko_put_touch(struct ko_script *script, uint64_t address) {
  int signal = reaches_harness(script, address) ? SIGSEGV : ko_touch_store(address);
  ko_put_text(&script->text, signal == 0         ? "OK\n"
                             : signal == SIGBUS ? "ERR SIGBUS\n"
                                                : "ERR SIGSEGV\n");
}

KO_FREESTANDING_END
#endif
