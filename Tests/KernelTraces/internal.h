// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Between the three processes of a run:
//
//   client  the test process, many threads: client.c
//   server  the same program, executed anew so that it is small and has one thread: server.c. It
//           makes the files and forks once per script
//   script  a fork of the server, runs one script and ends: script.c and what it calls
//
// They share one area of memory, KT_AREA_BYTES long: the script is handed over and the results
// come back in it. A byte over a socket says whose turn it is.
//
// The code of the script's process allocates nothing, calls no function of the C library, which it
// doesn't even have, and is not instrumented by sanitizers: nothing may be mapped that the script
// didn't map. Hence the system calls by hand.

#ifndef KERNEL_TRACES_INTERNAL_H
#define KERNEL_TRACES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel_traces.h"

#define KT_AREA_BYTES ((size_t)64 << 20)
#define KT_PAGE UINT64_C(4096)
#define KT_TASK_SIZE UINT64_C(0x7ffffffff000)
// Where the program looks whether it is to be the server.
#define KT_ENVIRONMENT "SWIFT_URCU_KERNEL_TRACES_SERVER"
// The server's descriptors.
#define KT_SOCKET 3
#define KT_AREA 4

struct kt_area {
  struct kernel_trace_setup setup;
  uint64_t operation_count;
  // Bytes of the text, which follows the operations.
  uint64_t text_length;
  // 0, an error number or a kernel_trace_failure; then `message` says more.
  int32_t status;
  int32_t server;
  // Not 0: memory that is only executable can't be populated.
  int32_t has_execute_only_keys;
  char message[256];
  struct kernel_trace_operation operations[];
};

#if defined(__linux__) && defined(__x86_64__)
#define KT_IS_SUPPORTED 1

// Everything between these two is free of instrumentation, and of calls that a compiler makes out
// of loops.
#define KT_PRAGMA(text) _Pragma(#text)
#define KT_FREESTANDING_BEGIN                                                                \
  KT_PRAGMA(clang attribute push(__attribute__((disable_sanitizer_instrumentation)),         \
                                 apply_to = function))                                       \
  KT_PRAGMA(clang attribute push(__attribute__((no_builtin)), apply_to = function))
#define KT_FREESTANDING_END KT_PRAGMA(clang attribute pop) KT_PRAGMA(clang attribute pop)

KT_FREESTANDING_BEGIN

static inline char *kt_area_text(struct kt_area *area) {
  return (char *)&area->operations[area->operation_count];
}

static inline size_t kt_area_text_capacity(const struct kt_area *area) {
  return KT_AREA_BYTES - offsetof(struct kt_area, operations) -
         area->operation_count * sizeof area->operations[0];
}

// A system call: its result, or a negated error number.
static inline long kt_call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
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

static inline bool kt_is_error(long result) { return result < 0 && result >= -4095; }

// 0 when it wraps, as in the kernel.
static inline uint64_t kt_page_up(uint64_t length) {
  return (length + KT_PAGE - 1) & ~(KT_PAGE - 1);
}

static inline uint64_t kt_add_saturating(uint64_t a, uint64_t b) {
  return a + b < a ? UINT64_MAX : a + b;
}

static inline void kt_copy(void *to, const void *from, size_t count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

KT_FREESTANDING_END

struct kt_range {
  uint64_t start, end;
};

struct kt_text {
  char *bytes;
  size_t length, capacity;
  bool is_full;
};

// A file that scripts map, as the kernel names it.
struct kt_file {
  int descriptor;
  uint32_t major, minor;
  uint64_t inode;
};

// What the server finds out once.
struct kt_machine {
  struct kt_file files[4];
  // A file that is mapped where nothing else may be.
  int filler;
  // Of memory and swap space.
  uint64_t memory_bytes;
  uint64_t map_count_max;
  uint64_t lowest_address;
};

// Calls are direct: there is no dynamic linker where a script runs.
#pragma GCC visibility push(hidden)

extern struct kt_machine kt_machine;

// Mapped ranges that are not the script's.
#define KT_RANGES_MAX 4096

// What the script's process knows about itself.
struct kt_script {
  const struct kernel_trace_setup *setup;
  struct kt_area *area;
  struct kt_text text;
  uint64_t window_base, window_end;
  // /proc/self/maps
  int maps;
  // Sorted, not adjacent.
  struct kt_range harness[KT_RANGES_MAX];
  size_t harness_count;
  // Of the text of those mappings.
  uint64_t harness_hash;
  // The process's stack, with what it must not grow into.
  struct kt_range stack;
  // Bytes of the largest gap outside the window. Without `is_confined` what the kernel places by
  // itself must fit there.
  uint64_t largest_hole;
  // Bytes that operations of the script have populated so far, at most.
  uint64_t populated;
  bool has_locked;
};

// --- text.c

void kt_put_text(struct kt_text *text, const char *string);
void kt_put_bytes(struct kt_text *text, const char *bytes, size_t count);
void kt_put_decimal(struct kt_text *text, uint64_t value);
// At least `digits` digits.
void kt_put_hex(struct kt_text *text, uint64_t value, int digits);
// `OK`, or `ERR` and the error's name, if `result` is a negated error number.
void kt_put_result(struct kt_text *text, long result);

// --- maps.c

// A line of the kernel's text.
struct kt_line {
  uint64_t start, end;
  const char *bytes;
  // With the newline.
  size_t length;
};

struct kt_line_reader {
  int maps;
  size_t begin, end, request;
  char buffer[16 << 10];
};

// `request`: how many bytes to ask for at a time. The kernel makes lines until it has as many.
void kt_lines_begin(struct kt_line_reader *reader, int maps, size_t request);
// False at the end.
bool kt_lines_next(struct kt_line_reader *reader, struct kt_line *line);

// Puts the lines of the window and the final dot.
void kt_put_dump(struct kt_script *script);
void kt_put_query(struct kt_script *script, uint64_t address, uint64_t flags);

// The mapping that covers an address, or the next one. False if there is none.
bool kt_find_mapping(int maps, uint64_t address, struct kt_range *range);
// As the kernel names a mapped file.
bool kt_identify(int maps, uint64_t address, struct kt_file *file);

// --- guard.c

// Whether the operation must not be carried out.
bool kt_is_refused(struct kt_script *script, const struct kernel_trace_operation *operation);
bool kt_intersects_harness(const struct kt_script *script, uint64_t start, uint64_t end);
// Counts what an operation has populated.
void kt_account(struct kt_script *script, const struct kernel_trace_operation *operation);

// --- touch.c

long kt_install_fault_handlers(void);
// Puts the result of a write to that address.
void kt_put_touch(struct kt_script *script, uint64_t address);

// --- script.c

// Runs the area's script and ends the process.
_Noreturn void kt_run_script(struct kt_area *area);
_Noreturn void kt_exit(int status);
// Ends the process: the script can't be run. A number other than 0 is appended to the message.
_Noreturn void kt_fail(struct kt_area *area, int32_t status, const char *message, uint64_t number);

// --- confine.c

void kt_set_up(struct kt_script *script);
// Ends the process if the mappings of the harness are no longer what they were.
void kt_check_harness(struct kt_script *script);

// --- trim.c

// Keeps the mappings that they don't need from the processes that are forked from now on. Gives
// NULL, or why that is impossible.
const char *kt_keep_from_scripts(const struct kt_area *area);

// --- probe.c

// Runs a script whose results are known. Gives NULL, or which answer is another; NULL, too, when
// the script wasn't run to its end: the area says why.
const char *kt_probe(struct kt_area *area, bool (*run)(struct kt_area *area));

#pragma GCC visibility pop

#else
#define KT_IS_SUPPORTED 0
#endif
#endif
