// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#include <errno.h>

#include "internal.h"

#if KO_IS_SUPPORTED
KO_FREESTANDING_BEGIN

void ko_put_bytes(struct ko_text *text, const char *bytes, size_t count) {
  if (text->capacity - text->length < count) {
    text->is_full = true;
    return;
  }
  ko_copy(text->bytes + text->length, bytes, count);
  text->length += count;
}

void ko_put_text(struct ko_text *text, const char *string) {
  size_t count = 0;
  while (string[count] != 0) count += 1;
  ko_put_bytes(text, string, count);
}

void ko_put_decimal(struct ko_text *text, uint64_t value) {
  char digits[20];
  size_t index = sizeof digits;
  do {
    index -= 1;
    digits[index] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  ko_put_bytes(text, digits + index, sizeof digits - index);
}

void ko_put_hex(struct ko_text *text, uint64_t value, int digits) {
  char characters[16];
  size_t index = sizeof characters;
  do {
    index -= 1;
    characters[index] = "0123456789abcdef"[value & 15];
    value >>= 4;
  } while (value != 0 || (int)(sizeof characters - index) < digits);
  ko_put_bytes(text, characters + index, sizeof characters - index);
}

static const char *error_name(long error) {
  switch (error) {
#define NAME(error) \
  case error: return #error;
    NAME(EPERM)
    NAME(ENOENT)
    NAME(ESRCH)
    NAME(EINTR)
    NAME(EIO)
    NAME(ENXIO)
    NAME(E2BIG)
    NAME(EBADF)
    NAME(EAGAIN)
    NAME(ENOMEM)
    NAME(EACCES)
    NAME(EFAULT)
    NAME(EBUSY)
    NAME(EEXIST)
    NAME(ENODEV)
    NAME(EINVAL)
    NAME(ENFILE)
    NAME(EMFILE)
    NAME(ENOTTY)
    NAME(ETXTBSY)
    NAME(EFBIG)
    NAME(ENOSPC)
    NAME(ERANGE)
    NAME(ENAMETOOLONG)
    NAME(ENOSYS)
    NAME(EOVERFLOW)
    NAME(EOPNOTSUPP)
    NAME(EHWPOISON)
#undef NAME
  default: return NULL;
  }
}

void ko_put_result(struct ko_text *text, long result) {
  if (!ko_is_error(result)) {
    ko_put_text(text, "OK\n");
    return;
  }
  ko_put_text(text, "ERR ");
  const char *name = error_name(-result);
  if (name != NULL) {
    ko_put_text(text, name);
  } else {
    ko_put_decimal(text, (uint64_t)-result);
  }
  ko_put_text(text, "\n");
}

KO_FREESTANDING_END
#endif
