// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// concurrencykit's sequence lock (Debian: libck-dev).

#include "sequence-peer.h"

#include <ck_sequence.h>

static struct {
  ck_sequence_t sequence;
  int64_t words[8];
} shared = {CK_SEQUENCE_INITIALIZER, {1, 1, 1, 1, 1, 1, 1, 1}};

static const char *version(void) { return PEER_VERSION; }

// Reads so many words into registers. `keep` names them, so that each is read each time.
#define DEFINE_READ(bytes, declare, keep, first)                                                   \
  static int64_t read_##bytes(size_t count) {                                                      \
    int64_t sum = 0;                                                                               \
    for (size_t index = 0; index < count; index++) {                                               \
      unsigned int number;                                                                         \
      declare;                                                                                     \
      do {                                                                                         \
        number = ck_sequence_read_begin(&shared.sequence);                                         \
        const int64_t *words = shared.words;                                                       \
        keep;                                                                                      \
      } while (ck_sequence_read_retry(&shared.sequence, number));                                  \
      sum += first;                                                                                \
    }                                                                                              \
    return sum;                                                                                    \
  }

#define READ_4(words, a, b, c, d)                                                                  \
  a = (words)[0], b = (words)[1], c = (words)[2], d = (words)[3];                                  \
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d))

DEFINE_READ(8, int64_t a, a = words[0]; __asm__ volatile("" : "+r"(a)), a)
DEFINE_READ(32, int64_t a; int64_t b; int64_t c; int64_t d, READ_4(words, a, b, c, d), a)
DEFINE_READ(64, int64_t a; int64_t b; int64_t c; int64_t d; int64_t e; int64_t f; int64_t g;
            int64_t h, READ_4(words, a, b, c, d); READ_4(words + 4, e, f, g, h), a)

const struct baselines_sequence_peer baselines_sequence_peer_functions = {
    .version = version,
    .read_8 = read_8,
    .read_32 = read_32,
    .read_64 = read_64,
};
