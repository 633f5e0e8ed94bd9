// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "supervision.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "maps-supervise knows the system calls of x86-64 and arm64"
#endif

// Debian 11's headers are older than this.
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

// MARK: - The child

/// Has the kernel tell of `open` and `openat`. Returns the listener, or -1 with errno set.
static int install_filter(void) {
#define LOAD(field) \
  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define NOTIFY_IF(number)                                   \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(number), 0, 1), \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)
  struct sock_filter filter[] = {
      // Calls of another architecture have other numbers.
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      LOAD(nr),
      NOTIFY_IF(SYS_openat),
#ifdef SYS_open
      NOTIFY_IF(SYS_open),
#endif
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof(filter) / sizeof(filter[0]), .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) return -1;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                      &program);
}

/// What the child says: an errno, and its listener beside a 0.
static void tell(int socket, int error, int listener) {
  struct iovec part = {.iov_base = &error, .iov_len = sizeof(error)};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (listener >= 0) {
    memset(&control, 0, sizeof(control));
    message.msg_control = &control;
    message.msg_controllen = sizeof(control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &listener, sizeof(int));
  }
  ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  (void)sent;
}

static _Noreturn void run_child(int socket, char *const *arguments) {
  int listener = install_filter();
  tell(socket, listener < 0 ? errno : 0, listener);
  if (listener >= 0) {
    (void)close(listener);
    // From here on, somebody has to answer: execvp opens nothing, but the program does.
    (void)execvp(arguments[0], arguments);
    tell(socket, errno, -1);
  }
  _exit(127);
}

// MARK: - The supervisor

/// Receives what the child says. Returns its errno, or -1 at the end of the stream.
static int hear(int socket, int *listener) {
  int error = 0;
  struct iovec part = {.iov_base = &error, .iov_len = sizeof(error)};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof(control)};
  ssize_t count;
  do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count != (ssize_t)sizeof(error)) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_type == SCM_RIGHTS)
    memcpy(listener, CMSG_DATA(header), sizeof(int));
  return error;
}

int supervision_start(struct supervision *supervision, char *const *arguments) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return errno;
  pid_t pid = fork();
  if (pid == 0) {
    (void)close(ends[0]);
    run_child(ends[1], arguments);
  }
  int error = pid < 0 ? errno : 0;
  (void)close(ends[1]);
  int listener = -1;
  if (error == 0) {
    error = hear(ends[0], &listener);
    if (error < 0) error = ESRCH;
  }
  if (error == 0) {
    // The end of the stream: the program has started.
    int later = hear(ends[0], &listener);
    if (later > 0) error = later;
  }
  (void)close(ends[0]);
  if (error != 0) {
    if (listener >= 0) (void)close(listener);
    if (pid > 0) (void)supervision_wait(pid);
    return error;
  }
  *supervision = (struct supervision){.pid = pid, .listener = listener};
  return 0;
}

int supervision_next(int listener, struct supervision_request *request) {
  for (;;) {
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    if (poll(&waiting, 1, -1) < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    if ((waiting.revents & POLLIN) == 0) return 0;
    // The kernel's structures may be larger than those known here; it wants them cleared.
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) return -errno;
    union {
      struct seccomp_notif notification;
      char bytes[1024];
    } buffer;
    if (sizes.seccomp_notif > sizeof(buffer)) return -E2BIG;
    memset(&buffer, 0, sizeof(buffer));
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer) != 0) {
      // The thread was killed or interrupted meanwhile.
      if (errno == EINTR || errno == ENOENT) continue;
      return -errno;
    }
    const struct seccomp_data *data = &buffer.notification.data;
    bool is_relative = data->nr == SYS_openat;
    *request = (struct supervision_request){
        .id = buffer.notification.id,
        .thread = (pid_t)buffer.notification.pid,
        .folder = is_relative ? (int)data->args[0] : AT_FDCWD,
        .path = data->args[is_relative ? 1 : 0],
        .flags = (int)data->args[is_relative ? 2 : 1],
    };
    return 1;
  }
}

int supervision_read_path(int listener, const struct supervision_request *request, char *path) {
  size_t length = 0;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  memset(path, 0, PATH_MAX);
  // Page by page: the path may end just before memory that can't be read.
  while (length < PATH_MAX && memchr(path, 0, length) == NULL) {
    uint64_t from = request->path + length;
    size_t count = page - (size_t)(from % page);
    if (count > PATH_MAX - length) count = PATH_MAX - length;
    struct iovec local = {.iov_base = path + length, .iov_len = count};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = count};
    ssize_t got = process_vm_readv(request->thread, &local, 1, &remote, 1, 0);
    if (got <= 0) return got < 0 ? errno : EFAULT;
    length += (size_t)got;
  }
  if (memchr(path, 0, length) == NULL) return ENAMETOOLONG;
  // The thread may have ended, and its number been given to another, before the path was read.
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request->id) == 0 ? 0 : errno;
}

void supervision_continue(int listener, const struct supervision_request *request) {
  union {
    struct seccomp_notif_resp response;
    char bytes[1024];
  } buffer;
  memset(&buffer, 0, sizeof(buffer));
  buffer.response.id = request->id;
  buffer.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  // It fails if the thread has been killed.
  (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer);
}

int supervision_answer(int listener, const struct supervision_request *request, int descriptor) {
  struct seccomp_notif_addfd addition;
  memset(&addition, 0, sizeof(addition));
  addition.id = request->id;
  addition.flags = SECCOMP_ADDFD_FLAG_SEND;
  addition.srcfd = (uint32_t)descriptor;
  addition.newfd_flags = (uint32_t)(request->flags & O_CLOEXEC);
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &addition) >= 0 ? 0 : errno;
}

int supervision_file(const void *text, size_t count) {
  int file = memfd_create("maps", MFD_CLOEXEC);
  if (file < 0) return -1;
  const char *rest = text;
  while (count > 0) {
    ssize_t written = write(file, rest, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      int error = errno;
      (void)close(file);
      errno = error;
      return -1;
    }
    rest += written;
    count -= (size_t)written;
  }
  // Opened again, so that it can't be written.
  char path[64];
  (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  int readable = open(path, O_RDONLY | O_CLOEXEC);
  int error = errno;
  (void)close(file);
  errno = error;
  return readable;
}

int supervision_wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
