// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// One line of /proc/PID/maps, written as fast as plain code does: two hexadecimal digits at a time.

#ifndef MAPS_LINE_HPP
#define MAPS_LINE_HPP

#include "map-peer.h"

#include <array>
#include <cstring>
#include <string>

/// A file or a name.
struct MappedObject {
  uint64_t inode;
  uint32_t device_major;
  uint32_t device_minor;
  std::string name;
};

/// Where a name starts in its line.
constexpr size_t name_column = 73;

constexpr std::array<char, 512> make_hex_pairs() {
  std::array<char, 512> pairs{};
  for (size_t byte = 0; byte < 256; byte++) {
    pairs[byte * 2] = "0123456789abcdef"[byte >> 4];
    pairs[byte * 2 + 1] = "0123456789abcdef"[byte & 15];
  }
  return pairs;
}
constexpr std::array<char, 512> hex_pairs = make_hex_pairs();

/// Writes `value` with at least so many digits. Returns what follows them.
inline char *write_hex(char *out, uint64_t value, int digits_min) {
  int digits = (64 - __builtin_clzll(value | 1) + 3) / 4;
  if (digits < digits_min) digits = digits_min;
  char *end = out + digits;
  char *position = end;
  while (position - out >= 2) {
    position -= 2;
    memcpy(position, &hex_pairs[(value & 255) * 2], 2);
    value >>= 8;
  }
  if (position > out) *out = hex_pairs[(value & 15) * 2 + 1];
  return end;
}

inline char *write_decimal(char *out, uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = char('0' + value % 10);
    value /= 10;
  } while (value != 0);
  while (count > 0) *out++ = digits[--count];
  return out;
}

/// The most bytes that a line can have: six numbers, blanks, the name.
inline size_t maps_line_max(const MappedObject *object) {
  return 128 + (object == nullptr ? 0 : object->name.size());
}

/// Returns the number of bytes written.
inline size_t write_maps_line(char *out, uint64_t start, uint64_t end, uint32_t flags,
                              uint64_t offset, const MappedObject *object) {
  char *position = write_hex(out, start, 8);
  *position++ = '-';
  position = write_hex(position, end, 8);
  *position++ = ' ';
  *position++ = flags & BASELINES_READABLE ? 'r' : '-';
  *position++ = flags & BASELINES_WRITABLE ? 'w' : '-';
  *position++ = flags & BASELINES_EXECUTABLE ? 'x' : '-';
  *position++ = flags & BASELINES_SHARED ? 's' : 'p';
  *position++ = ' ';
  position = write_hex(position, offset, 8);
  *position++ = ' ';
  if (object == nullptr) {
    memcpy(position, "00:00 0 \n", 9);
    return size_t(position + 9 - out);
  }
  position = write_hex(position, object->device_major, 2);
  *position++ = ':';
  position = write_hex(position, object->device_minor, 2);
  *position++ = ' ';
  position = write_decimal(position, object->inode);
  *position++ = ' ';
  if (!object->name.empty()) {
    size_t column = size_t(position - out);
    size_t padding = column < name_column ? name_column - column : 1;
    memset(position, ' ', padding);
    position += padding;
    memcpy(position, object->name.data(), object->name.size());
    position += object->name.size();
  }
  *position++ = '\n';
  return size_t(position - out);
}

#endif
