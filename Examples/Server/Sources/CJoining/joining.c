// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#define _GNU_SOURCE 1

#include "joining.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(sizeof(int))];
};

static int make_address(struct sockaddr_un *address, const char *path) {
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  if (strlen(path) >= sizeof(address->sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address->sun_path, path);
  return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

int joining_listen(const char *path) {
  struct sockaddr_un address;
  int listener = make_address(&address, path);
  if (listener < 0) return -1;
  if (connect(listener, (struct sockaddr *)&address, sizeof(address)) == 0) {
    (void)close(listener);
    errno = EADDRINUSE;
    return -1;
  }
  struct stat status;
  if (errno == ECONNREFUSED && stat(path, &status) == 0 && S_ISSOCK(status.st_mode))
    (void)unlink(path);
  mode_t mask = umask(0177);
  int result = bind(listener, (struct sockaddr *)&address, sizeof(address));
  if (result == 0) result = listen(listener, 16);
  int error = errno;
  (void)umask(mask);
  if (result == 0) return listener;
  (void)close(listener);
  errno = error;
  return -1;
}

static int receive(int connection) {
  char byte;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  union control control;
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof(control)};
  ssize_t count;
  do count = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  struct cmsghdr *header = count == 1 ? CMSG_FIRSTHDR(&message) : NULL;
  if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return -1;
  int descriptor;
  memcpy(&descriptor, CMSG_DATA(header), sizeof(descriptor));
  return descriptor;
}

int joining_accept(int listener, int stop, pid_t *pid, int *connection) {
  struct pollfd waiting[2] = {{.fd = listener, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  while (poll(waiting, 2, -1) < 0)
    if (errno != EINTR) return -2;
  if (waiting[1].revents != 0) return -2;
  *pid = 0;
  *connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  if (*connection < 0) return -1;
  // One that sends nothing mustn't hold up the others for long.
  struct timeval second = {.tv_sec = 1};
  (void)setsockopt(*connection, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
  struct ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(*connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
  if (peer.uid != geteuid() && geteuid() != 0) return -1;
  *pid = peer.pid;
  return receive(*connection);
}

void joining_answer(int connection, int is_joined) {
  if (connection < 0) return;
  char byte = is_joined ? 1 : 0;
  (void)!send(connection, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  (void)close(connection);
}

int joining_send(const char *path, int descriptor) {
  struct sockaddr_un address;
  int connection = make_address(&address, path);
  if (connection < 0) return errno;
  char byte = 0;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  union control control;
  memset(&control, 0, sizeof(control));
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                           .msg_controllen = sizeof(control)};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof(descriptor));
  int error = 0;
  if (connect(connection, (struct sockaddr *)&address, sizeof(address)) != 0 ||
      sendmsg(connection, &message, MSG_NOSIGNAL) != 1)
    error = errno;
  if (error == 0) {
    ssize_t count;
    do count = recv(connection, &byte, 1, 0);
    while (count < 0 && errno == EINTR);
    if (count != 1 || byte != 1) error = EPERM;
  }
  (void)close(connection);
  return error;
}
