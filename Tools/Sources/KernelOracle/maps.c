// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The kernel's text and PROCMAP_QUERY. Both give files other names, devices and inodes than the
// format has: these, and nothing else, are replaced.

#include <errno.h>
#include <sys/syscall.h>

#include "internal.h"

#if KO_IS_SUPPORTED
KO_FREESTANDING_BEGIN

// As in Linux 6.11's headers, spelled out so that older ones do.
struct procmap_query {
  uint64_t size, query_flags, query_address;
  uint64_t start, end, flags, page_size, offset, inode;
  uint32_t device_major, device_minor;
  uint32_t name_size, build_id_size;
  uint64_t name_address, build_id_address;
};
_Static_assert(sizeof(struct procmap_query) == 104, "as the kernel has it");

#define PROCMAP_QUERY UINT64_C(0xc0686611)
#define PROCMAP_QUERY_COVERING_OR_NEXT UINT64_C(0x10)

static const char zero_name[] = "/dev/zero (deleted)";
// The column of a name, from 0, less the one space that always precedes it.
#define NAME_PADDING 72

void ko_lines_begin(struct ko_line_reader *reader, int maps, size_t request) {
  (void)ko_call(SYS_lseek, (uint64_t)maps, 0, 0, 0, 0, 0);
  reader->maps = maps;
  reader->begin = 0;
  reader->end = 0;
  reader->request = request;
}

static const char *hex(const char *bytes, uint64_t *value) {
  *value = 0;
  for (;; bytes += 1) {
    char c = *bytes;
    if (c >= '0' && c <= '9') {
      *value = *value << 4 | (uint64_t)(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      *value = *value << 4 | (uint64_t)(c - 'a' + 10);
    } else {
      return bytes;
    }
  }
}

bool ko_lines_next(struct ko_line_reader *reader, struct ko_line *line) {
  size_t scanned = reader->begin;
  for (;;) {
    while (scanned < reader->end && reader->buffer[scanned] != '\n') scanned += 1;
    if (scanned < reader->end) break;
    // Move the incomplete line to the front and read on.
    size_t count = reader->end - reader->begin;
    ko_copy(reader->buffer, reader->buffer + reader->begin, count);
    reader->begin = 0;
    reader->end = count;
    scanned = count;
    size_t room = sizeof reader->buffer - count;
    if (room > reader->request) room = reader->request;
    long done = ko_call(SYS_read, (uint64_t)reader->maps, (uint64_t)(reader->buffer + count),
                        room, 0, 0, 0);
    if (done <= 0) return false;
    reader->end += (size_t)done;
  }
  line->bytes = reader->buffer + reader->begin;
  line->length = scanned + 1 - reader->begin;
  reader->begin = scanned + 1;
  const char *rest = hex(line->bytes, &line->start);
  (void)hex(rest + 1, &line->end);
  return true;
}

static bool begins_with(const char *bytes, size_t count, const char *prefix) {
  size_t index = 0;
  for (; prefix[index] != 0; index += 1) {
    if (index >= count || bytes[index] != prefix[index]) return false;
  }
  return index == count;
}

// How the format names what is mapped, or NULL: as the kernel does.
static const char *replacement(uint64_t major, uint64_t minor, uint64_t inode, const char *name,
                               size_t name_length, uint64_t *new_inode) {
  static const char names[4][16] = {
      "/tmp/trace/A", "/tmp/trace/B", "/tmp/trace/C", "/tmp/trace/RO"};
  for (int index = 0; index < 4; index += 1) {
    const struct ko_file *file = &ko_machine.files[index];
    if (file->major == major && file->minor == minor && file->inode == inode) {
      *new_inode = (uint64_t)index + 1;
      return names[index];
    }
  }
  *new_inode = 0;
  return begins_with(name, name_length, zero_name) ? zero_name : NULL;
}

static void put_line(struct ko_text *text, const struct ko_line *line) {
  const char *end = line->bytes + line->length - 1;
  // Range, permissions, offset, each with its space, stay.
  const char *device = line->bytes;
  for (int spaces = 0; spaces < 3; device += 1) {
    if (*device == ' ') spaces += 1;
  }
  uint64_t major, minor, inode = 0, new_inode;
  const char *rest = hex(device, &major);
  rest = hex(rest + 1, &minor) + 1;
  for (; *rest >= '0' && *rest <= '9'; rest += 1) inode = inode * 10 + (uint64_t)(*rest - '0');
  while (*rest == ' ') rest += 1;
  const char *name = replacement(major, minor, inode, rest, (size_t)(end - rest), &new_inode);
  if (name == NULL) {
    ko_put_bytes(text, line->bytes, line->length);
    return;
  }
  size_t before = text->length;
  ko_put_bytes(text, line->bytes, (size_t)(device - line->bytes));
  ko_put_text(text, "00:01 ");
  ko_put_decimal(text, new_inode);
  ko_put_text(text, " ");
  while (text->length - before < NAME_PADDING && !text->is_full) ko_put_text(text, " ");
  ko_put_text(text, " ");
  ko_put_text(text, name);
  ko_put_text(text, "\n");
}

void ko_put_dump(struct ko_script *script) {
  static struct ko_line_reader reader;
  // About as much as the last dump needed.
  static size_t request = 512;
  size_t seen = 0;
  struct ko_line line;
  ko_lines_begin(&reader, script->maps, request);
  while (ko_lines_next(&reader, &line)) {
    seen += line.length;
    if (line.start >= script->window_end) break;
    if (line.end > script->window_base) put_line(&script->text, &line);
  }
  request = seen < 512 ? 512 : seen;
  ko_put_text(&script->text, ".\n");
}

static long query(int maps, struct procmap_query *query, uint64_t address, uint64_t flags,
                  char *name, uint32_t name_size) {
  query->size = sizeof *query;
  query->query_flags = flags;
  query->query_address = address;
  query->name_size = name_size;
  query->name_address = (uint64_t)name;
  query->build_id_size = 0;
  query->build_id_address = 0;
  return ko_call(SYS_ioctl, (uint64_t)maps, PROCMAP_QUERY, (uint64_t)query, 0, 0, 0);
}

bool ko_find_mapping(int maps, uint64_t address, struct ko_range *range) {
  struct procmap_query found;
  long result = query(maps, &found, address, PROCMAP_QUERY_COVERING_OR_NEXT, NULL, 0);
  if (ko_is_error(result)) return false;
  range->start = found.start;
  range->end = found.end;
  return true;
}

bool ko_identify(int maps, uint64_t address, struct ko_file *file) {
  struct procmap_query found;
  if (ko_is_error(query(maps, &found, address, 0, NULL, 0))) return false;
  file->major = found.device_major;
  file->minor = found.device_minor;
  file->inode = found.inode;
  return found.inode != 0;
}

void ko_put_query(struct ko_script *script, uint64_t address, uint64_t flags) {
  static char name[4096];
  struct procmap_query found;
  struct ko_text *text = &script->text;
  long result;
  for (;;) {
    result = query(script->maps, &found, address, flags, name, sizeof name);
    // The harness lies below the window, too, where a model has nothing.
    if (ko_is_error(result) || script->setup->is_confined != 0) break;
    if ((flags & PROCMAP_QUERY_COVERING_OR_NEXT) == 0 || found.end > script->window_base) break;
    if (!ko_intersects_harness(script, found.start, found.end)) break;
    address = found.end;
  }
  if (!ko_is_error(result) &&
      (found.end <= script->window_base || found.start >= script->window_end)) {
    result = -ENOENT;
  }
  if (ko_is_error(result)) {
    ko_put_result(text, result);
    return;
  }
  size_t name_length = found.name_size > 0 ? found.name_size - 1 : 0;
  uint64_t major = found.device_major, minor = found.device_minor, inode = found.inode, new_inode;
  const char *new_name = replacement(major, minor, inode, name, name_length, &new_inode);
  char permissions[6] = {
      ' ',
      found.flags & 1 ? 'r' : '-',
      found.flags & 2 ? 'w' : '-',
      found.flags & 4 ? 'x' : '-',
      found.flags & 8 ? 's' : 'p',
      ' ',
  };
  ko_put_text(text, "OK ");
  ko_put_hex(text, found.start, 8);
  ko_put_text(text, "-");
  ko_put_hex(text, found.end, 8);
  ko_put_bytes(text, permissions, sizeof permissions);
  ko_put_hex(text, found.offset, 8);
  ko_put_text(text, " ");
  ko_put_hex(text, new_name != NULL ? 0 : major, 2);
  ko_put_text(text, ":");
  ko_put_hex(text, new_name != NULL ? 1 : minor, 2);
  ko_put_text(text, " ");
  ko_put_decimal(text, new_name != NULL ? new_inode : inode);
  if (name_length > 0) {
    ko_put_text(text, " ");
    if (new_name != NULL) {
      ko_put_text(text, new_name);
    } else {
      ko_put_bytes(text, name, name_length);
    }
  }
  ko_put_text(text, "\n");
}

KO_FREESTANDING_END
#endif
