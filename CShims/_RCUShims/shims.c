// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "_RCUShims.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

char rcushims_bp_tag;
char rcushims_memb_tag;

bool rcushims_has_tsan_runtime(void) {
  return dlsym(RTLD_DEFAULT, "__tsan_init") != NULL;
}

void rcushims_poison(void *address, size_t count) {
  // Volatile, so that the loops don't become memset.
  volatile uint64_t *words = address;
  size_t word_count = count / sizeof *words;
  for (size_t index = 0; index < word_count; index += 1) words[index] = 0xdeaddeaddeaddeadULL;
  volatile uint8_t *bytes = address;
  for (size_t index = word_count * sizeof *words; index < count; index += 1) bytes[index] = 0xdd;
}

int rcushims_start_thread(pthread_t *thread, const char *name,
                          void *(*body)(void *), void *context) {
  sigset_t all, before;
  sigfillset(&all);
  int error = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (error != 0) return error;
  error = pthread_create(thread, NULL, body, context);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (error == 0) (void)pthread_setname_np(*thread, name);
  return error;
}

int rcushims_join_thread(pthread_t thread, unsigned milliseconds) {
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += milliseconds / 1000;
  deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000) {
    deadline.tv_sec += 1;
    deadline.tv_nsec -= 1000000000;
  }
  return pthread_timedjoin_np(thread, NULL, &deadline);
}

int rcushims_rwlock_init(pthread_rwlock_t *lock, bool prefers_writers) {
  pthread_rwlockattr_t attributes;
  int error = pthread_rwlockattr_init(&attributes);
  if (error != 0) return error;
  // glibc: the "nonrecursive" kind is the one that really prefers writers.
  error = pthread_rwlockattr_setkind_np(
      &attributes, prefers_writers ? PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP
                                   : PTHREAD_RWLOCK_PREFER_READER_NP);
  if (error == 0) error = pthread_rwlock_init(lock, &attributes);
  pthread_rwlockattr_destroy(&attributes);
  return error;
}

int rcushims_procmap_query(int descriptor, void *query) {
  // _IOWR('f', 17, struct procmap_query), 104 bytes; spelled out so that headers older
  // than Linux 6.11 build too.
  return ioctl(descriptor, 0xc0686611UL, query);
}

int rcushims_copy_to_user(uint64_t target, const void *source, size_t count) {
  struct iovec local = {.iov_base = (void *)source, .iov_len = count};
  struct iovec remote = {.iov_base = (void *)(uintptr_t)target, .iov_len = count};
  if (count == 0) return 0;
  ssize_t written = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
  return written == (ssize_t)count ? 0 : EFAULT;
}
