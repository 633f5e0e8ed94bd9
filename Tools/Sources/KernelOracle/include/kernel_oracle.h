// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The kernel's side of a map script: runs a script's operations in a process of its own, and gives
// the result lines that a model of the kernel must give too.

#ifndef KERNEL_ORACLE_H
#define KERNEL_ORACLE_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What an operation does. `arguments` in the order of the system call.
enum kernel_oracle_kind {
  /// Address, length, protection, flags, offset.
  KO_MMAP = 1,
  /// Address, length.
  KO_MUNMAP,
  /// Address, length, protection.
  KO_MPROTECT,
  /// Old address, old length, new length, flags, new address.
  KO_MREMAP,
  /// Address, length, the number of a `MADV_` constant.
  KO_MADVISE,
  /// Address, length, flags of `mlock2`.
  KO_MLOCK,
  /// Address, length.
  KO_MUNLOCK,
  /// Address.
  KO_BRK,
  /// None. What follows is done by the child.
  KO_FORK,
  /// Address.
  KO_TOUCH,
  /// Address, flags of `PROCMAP_QUERY`.
  KO_QUERY,
  /// None.
  KO_DUMP,
};

/// One operation of a script.
struct kernel_oracle_operation {
  /// A `kernel_oracle_kind`.
  uint32_t kind;
  /// What `KO_MMAP` maps: -1 no descriptor, 0 file A, 1 B, 2 C, 3 RO, each 1 MiB of holes.
  int32_t file;
  uint64_t arguments[5];
};

/// Bits of `kernel_oracle_setup.limits`: which of the limits are set.
enum kernel_oracle_limit {
  KO_LIMIT_MEMLOCK = 1,
  KO_LIMIT_AS = 2,
  KO_LIMIT_DATA = 4,
  KO_LIMIT_STACK = 8,
  KO_LIMIT_MAPS = 16,
};

/// The head of a script.
struct kernel_oracle_setup {
  /// Bytes, multiples of the page size. Nothing of the process that runs the script may lie there.
  uint64_t window_base, window_length;
  /// Not 0: everything outside the window is taken.
  int32_t is_confined;
  /// Not 0: the process's heap starts, empty, at `heap_start`. The kernel lets none start below
  /// 64 KiB, or what it is built to protect.
  int32_t has_heap;
  uint64_t heap_start;
  /// Bits of `kernel_oracle_limit`.
  uint32_t limits;
  /// In bytes; of `as` and `data` what is added to what the process has.
  uint64_t memlock, as, data, stack;
  /// How many mappings there is room for.
  uint64_t maps;
};

/// Why a script was not run: the negative results of `kernel_oracle_run`.
enum kernel_oracle_failure {
  /// The process that runs scripts can't be started, or doesn't answer.
  KO_NO_SERVER = -1,
  /// This machine's kernel is not one to judge by; see `kernel_oracle_unusable`.
  KO_UNUSABLE = -2,
  /// The window is not page-aligned, empty, beyond the address space, or not free.
  KO_BAD_WINDOW = -3,
  /// A limit can't be set up.
  KO_BAD_LIMIT = -4,
  /// The script, or its results, are longer than the 64 MiB there are for them.
  KO_TOO_LONG = -5,
  /// The script's process ended before the script.
  KO_CHILD_DIED = -6,
};

/// Runs the operations in a process of their own and gives the result lines, one per operation
/// (those of `KO_DUMP`: the lines of the maps and one of a dot), as one text.
///
/// Not carried out is an operation that would reach a mapping of the harness itself (with
/// `is_confined`: anything outside the window), whose result depends on how much memory the
/// machine has, that would populate more than 64 MiB (all of a script: 512 MiB), that maps huge
/// pages, an advice that does more than set flags, a break without a heap, or the 65th fork: its
/// line is `REFUSED`. A touch of a mapping of the harness gives `ERR SIGSEGV` without a write.
///
/// Any thread may call this; the calls follow one another. The first starts the server process.
///
/// - Parameter text: takes a text, terminated by a zero byte, that the caller frees; `NULL` only
///   when there was no memory for it.
/// - Returns: 0; or an error number or a `kernel_oracle_failure` when the script was not run to its
///   end, and then `text` is a message.
int kernel_oracle_run(const struct kernel_oracle_setup *setup,
                      const struct kernel_oracle_operation *operations, size_t count,
                      char *_Nullable *_Nonnull text, size_t *text_length);

/// `NULL` if this machine's kernel behaves as the reference configuration of the script format,
/// else why it can't be the judge. The text lives as long as the process.
///
/// `NULL`, too, when scripts can't be run at all: that is a failure, which `kernel_oracle_run`
/// gives, not something to skip tests for.
const char *_Nullable kernel_oracle_unusable(void);

/// Whether this machine's processor has protection keys, with which memory that is only executable
/// can't be populated: found out by trying. 0 where the kernel can't be the judge.
int kernel_oracle_has_execute_only_keys(void);

/// The identifier of the process that forks one process per script, 0 if there is none now. It ends
/// with the test process; if it ends earlier, the next script starts another.
int kernel_oracle_server(void);

/// Gives up a right (the number of a `CAP_` constant) for good, for what this process executes.
/// For tests of `kernel_oracle_unusable`: Swift has no `prctl`.
///
/// - Returns: 0, or an error number.
int kernel_oracle_drop_right(int right);

#pragma clang assume_nonnull end

#endif
