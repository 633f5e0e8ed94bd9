// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What SleepableRCU needs to know about threads. Nothing here needs liburcu.

#ifndef SYSTEM_SHIMS_SLEEPABLE_H
#define SYSTEM_SHIMS_SLEEPABLE_H

#include <stdbool.h>
#include <stddef.h>

#pragma clang assume_nonnull begin

/// The number of the processor that the caller was running on a moment ago; a hint. Why C: Swift's
/// Glibc doesn't have sched_getcpu.
unsigned sysshims_processor(void);

/// How many processors the machine may have.
unsigned sysshims_processor_count(void);

/// A read section that was opened on this thread and must end on it. Lives in the stack frame that
/// opened it.
struct sysshims_thread_section {
  const void *_Nullable domain;
  struct sysshims_thread_section *_Nullable outer;
};

/// The innermost such section. Read and written only by its own thread and by signal handlers on
/// it. Why C: thread-local storage.
extern __thread struct sysshims_thread_section *_Nullable sysshims_thread_sections;

static inline void sysshims_thread_section_opens(struct sysshims_thread_section *section,
                                                 const void *domain) {
  section->domain = domain;
  section->outer = sysshims_thread_sections;
  // A handler that runs now finds the list unchanged.
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  sysshims_thread_sections = section;
}

static inline void sysshims_thread_section_ends(const struct sysshims_thread_section *section) {
  sysshims_thread_sections = section->outer;
}

/// Whether a section of `domain` is open on the calling thread.
static inline bool sysshims_is_thread_in_section(const void *domain) {
  const struct sysshims_thread_section *section = sysshims_thread_sections;
  while (section != NULL && section->domain != domain) section = section->outer;
  return section != NULL;
}

#pragma clang assume_nonnull end

#endif
