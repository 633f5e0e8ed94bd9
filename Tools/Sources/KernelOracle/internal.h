// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Between the three processes of a run:
//
//   client  the test process, many threads: client.c
//   server  the same program, executed anew so that it is small and has one thread: server.c. It
//           makes the files and forks once per script
//   script  a fork of the server, runs one script and ends: script.c and what it calls. Where the
//           script forks, its child goes on, and it waits for the child's end
//
// They share one area of memory, KO_AREA_BYTES long: the script is handed over and the results
// come back in it. A byte over a socket says whose turn it is.
//
// The code of the script's process allocates nothing, calls no function of the C library, which it
// doesn't even have, and is not instrumented by sanitizers: nothing may be mapped that the script
// didn't map. Hence the system calls by hand.

#ifndef KERNEL_ORACLE_INTERNAL_H
#define KERNEL_ORACLE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_oracle.h"

#define KO_AREA_BYTES ((size_t)64 << 20)
#define KO_PAGE UINT64_C(4096)
#define KO_TASK_SIZE UINT64_C(0x7ffffffff000)
// Where the program looks whether it is to be the server.
#define KO_ENVIRONMENT "SWIFT_URCU_KERNEL_ORACLE_SERVER"
// The server's descriptors.
#define KO_SOCKET 3
#define KO_AREA 4

struct ko_area {
  struct kernel_oracle_setup setup;
  uint64_t operation_count;
  // Bytes of the text, which follows the operations.
  uint64_t text_length;
  // 0, an error number or a kernel_oracle_failure; then `message` says more.
  int32_t status;
  int32_t server;
  // Not 0: memory that is only executable can't be populated.
  int32_t has_execute_only_keys;
  char message[256];
  struct kernel_oracle_operation operations[];
};

#if defined(__linux__) && defined(__x86_64__)
#define KO_IS_SUPPORTED 1

// Everything between these two is free of instrumentation, and of calls that a compiler makes out
// of loops.
#define KO_PRAGMA(text) _Pragma(#text)
#define KO_FREESTANDING_BEGIN                                                                \
  KO_PRAGMA(clang attribute push(__attribute__((disable_sanitizer_instrumentation)),         \
                                 apply_to = function))                                       \
  KO_PRAGMA(clang attribute push(__attribute__((no_builtin)), apply_to = function))
#define KO_FREESTANDING_END KO_PRAGMA(clang attribute pop) KO_PRAGMA(clang attribute pop)

KO_FREESTANDING_BEGIN

static inline char *ko_area_text(struct ko_area *area) {
  return (char *)&area->operations[area->operation_count];
}

static inline size_t ko_area_text_capacity(const struct ko_area *area) {
  return KO_AREA_BYTES - offsetof(struct ko_area, operations) -
         area->operation_count * sizeof area->operations[0];
}

// A system call: its result, or a negated error number.
static inline long ko_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e, uint64_t f) {
  register uint64_t r10 __asm__("r10") = d;
  register uint64_t r8 __asm__("r8") = e;
  register uint64_t r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

static inline bool ko_is_error(long result) { return result < 0 && result >= -4095; }

// 0 when it wraps, as in the kernel.
static inline uint64_t ko_page_up(uint64_t length) {
  return (length + KO_PAGE - 1) & ~(KO_PAGE - 1);
}

static inline uint64_t ko_add_saturating(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

static inline void ko_copy(void *to, const void *from, size_t count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

KO_FREESTANDING_END

struct ko_range {
  uint64_t start, end;
};

struct ko_text {
  char *bytes;
  size_t length, capacity;
  bool is_full;
};

// A file that scripts map, as the kernel names it.
struct ko_file {
  int descriptor;
  uint32_t major, minor;
  uint64_t inode;
};

// What the server finds out once.
struct ko_machine {
  struct ko_file files[4];
  // A file that is mapped where nothing else may be.
  int filler;
  // Of memory and swap space.
  uint64_t memory_bytes;
  uint64_t map_count_max;
  uint64_t lowest_address;
};

// Calls are direct: there is no dynamic linker where a script runs.
#pragma GCC visibility push(hidden)

extern struct ko_machine ko_machine;

// Mapped ranges that are not the script's.
#define KO_RANGES_MAX 4096

// What the script's process knows about itself.
struct ko_script {
  const struct kernel_oracle_setup *setup;
  struct ko_area *area;
  struct ko_text text;
  uint64_t window_base, window_end;
  // /proc/self/maps
  int maps;
  // Sorted, not adjacent.
  struct ko_range harness[KO_RANGES_MAX];
  size_t harness_count;
  // Of the text of those mappings.
  uint64_t harness_hash;
  // The process's stack, with what it must not grow into.
  struct ko_range stack;
  // Bytes of the largest gap outside the window. Without `is_confined` what the kernel places by
  // itself must fit there.
  uint64_t largest_hole;
  // Bytes that operations of the script have populated so far, at most.
  uint64_t populated;
  bool has_locked;
  // Of the script's heap.
  uint64_t program_break;
  unsigned fork_count;
};

// --- text.c

void ko_put_text(struct ko_text *text, const char *string);
void ko_put_bytes(struct ko_text *text, const char *bytes, size_t count);
void ko_put_decimal(struct ko_text *text, uint64_t value);
// At least `digits` digits.
void ko_put_hex(struct ko_text *text, uint64_t value, int digits);
// `OK`, or `ERR` and the error's name, if `result` is a negated error number.
void ko_put_result(struct ko_text *text, long result);

// --- maps.c

// A line of the kernel's text.
struct ko_line {
  uint64_t start, end;
  const char *bytes;
  // With the newline.
  size_t length;
};

struct ko_line_reader {
  int maps;
  size_t begin, end, request;
  char buffer[16 << 10];
};

// `request`: how many bytes to ask for at a time. The kernel makes lines until it has as many.
void ko_lines_begin(struct ko_line_reader *reader, int maps, size_t request);
// False at the end.
bool ko_lines_next(struct ko_line_reader *reader, struct ko_line *line);

// Puts the lines of the window and the final dot.
void ko_put_dump(struct ko_script *script);
void ko_put_query(struct ko_script *script, uint64_t address, uint64_t flags);

// The mapping that covers an address, or the next one. False if there is none.
bool ko_find_mapping(int maps, uint64_t address, struct ko_range *range);
// As the kernel names a mapped file.
bool ko_identify(int maps, uint64_t address, struct ko_file *file);

// --- guard.c

// Whether the operation must not be carried out.
bool ko_is_refused(struct ko_script *script, const struct kernel_oracle_operation *operation);
bool ko_intersects_harness(const struct ko_script *script, uint64_t start, uint64_t end);
// Counts what an operation has populated.
void ko_account(struct ko_script *script, const struct kernel_oracle_operation *operation);

// --- touch.c

long ko_install_fault_handlers(void);
// Puts the result of a write to that address.
void ko_put_touch(struct ko_script *script, uint64_t address);

// --- script.c

// Runs the area's script and ends the process.
_Noreturn void ko_run_script(struct ko_area *area);
_Noreturn void ko_exit(int status);
// Ends the process: the script can't be run. A number other than 0 is appended to the message.
_Noreturn void ko_fail(struct ko_area *area, int32_t status, const char *message, uint64_t number);

// --- confine.c

void ko_set_up(struct ko_script *script);
// Ends the process if the mappings of the harness are no longer what they were.
void ko_check_harness(struct ko_script *script);

// --- trim.c

// Keeps the mappings that they don't need from the processes that are forked from now on. Gives
// NULL, or why that is impossible.
const char *ko_keep_from_scripts(const struct ko_area *area);

// --- probe.c

// Runs a script whose results are known. Gives NULL, or which answer is another; NULL, too, when
// the script wasn't run to its end: the area says why.
const char *ko_probe(struct ko_area *area, bool (*run)(struct ko_area *area));

#pragma GCC visibility pop

#else
#define KO_IS_SUPPORTED 0
#endif
#endif
