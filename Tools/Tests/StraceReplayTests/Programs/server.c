// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A server whose threads answer requests from memory of their own and from a mapped file, and the
// clients that ask; in one process, three times, with new threads each time.

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { pairs = 4, requests = 40 };

static const char *path;

static void fail(void) { _exit(1); }

static void *serve(void *argument) {
  int connection = (int)(long)argument;
  size_t size;
  while (read(connection, &size, sizeof size) == sizeof size) {
    char *answer = malloc(size);
    memset(answer, 1, size);
    answer = realloc(answer, 2 * size);
    memset(answer, 2, 2 * size);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *text = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, file, 0);
    if (text == MAP_FAILED) fail();
    close(file);
    char code[2] = {text[0], answer[size]};
    munmap(text, 8192);
    free(answer);
    if (write(connection, code, 2) != 2) fail();
  }
  close(connection);
  return NULL;
}

static void *ask(void *argument) {
  int connection = (int)(long)argument;
  unsigned random = 1 + (unsigned)connection;
  for (int round = 0; round < requests; round++) {
    random = random * 1103515245 + 12345;
    size_t size = 1000 + (random >> 8) % 200000;
    char code[2];
    if (write(connection, &size, sizeof size) != sizeof size) fail();
    if (read(connection, code, 2) != 2 || code[1] != 2) fail();
  }
  close(connection);
  return NULL;
}

int main(int count, char **arguments) {
  if (count < 2) fail();
  path = arguments[1];
  for (int round = 0; round < 3; round++) {
    pthread_t threads[2 * pairs];
    for (int pair = 0; pair < pairs; pair++) {
      int ends[2];
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) fail();
      pthread_create(&threads[2 * pair], NULL, serve, (void *)(long)ends[0]);
      pthread_create(&threads[2 * pair + 1], NULL, ask, (void *)(long)ends[1]);
    }
    for (int index = 0; index < 2 * pairs; index++) pthread_join(threads[index], NULL);
  }
  return 0;
}
