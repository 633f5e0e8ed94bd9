// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Several copies of this library in one process. A program and its plug-ins may each be linked with
// a copy, and all of them share one liburcu, with its locks and its threads' words.
//
// Each copy has its own reader registry, and marks its bits in a thread's word with its number. It
// treats bits that another copy has left there like the absent bits of C code's sections. While a
// section is open, the word keeps the bits of the copy that opened it; sections of other copies
// nested in it only count. A fork takes liburcu's locks, so one copy handles it for all.
//
// A single registry for all copies would need a layout of entries and words that never changes in
// any version. Instead, only this file's few fields are fixed, and that bits 33 to 39 hold a
// number.
//
// Copies find one another by a note (ELF's SHT_NOTE) in the file that each is linked into. It leads
// to the copy's structure. Symbols wouldn't do, since they may be local to a plug-in, hidden or
// stripped.

#define _GNU_SOURCE 1

#include "../registry.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

#define VERSION 1
#define NUMBER_MAX 126
#define NO_NUMBER 127

struct rcushims_copy rcushims_this_copy = {
    .version = VERSION, .number = NO_NUMBER, .row_lock = PTHREAD_MUTEX_INITIALIZER};

_Static_assert(RCUSHIMS_COPY / RCUSHIMS_NEXT_COPY == NO_NUMBER, "numbers have 7 bits");

// The lengths of the name and of the contents; the type; the name, padded to a multiple of 4; and
// the distance from these last 8 bytes to the structure.
#define NOTE_NAME "swift-urcu"
#define NOTE_TYPE 1
__asm__(
    ".pushsection .note.swift-urcu, \"a\", %note\n"
    ".balign 4\n"
    ".hidden rcushims_note\n"
    ".globl rcushims_note\n"
    "rcushims_note:\n"
    ".long 11\n"
    ".long 8\n"
    ".long 1\n"
    ".asciz \"" NOTE_NAME "\"\n"
    ".balign 4\n"
    ".quad rcushims_this_copy - .\n"
    ".popsection\n");

void rcushims_fail(const char *text) {
  sysshims_write_error(text, strlen(text));
  abort();
}

// MARK: - Finding the copies

struct search {
  void (*visit)(struct rcushims_copy *copy, void *context);
  void *context;
};

static size_t padded(size_t count, size_t alignment) {
  return (count + alignment - 1) & -alignment;
}

static void visit_notes(const char *notes, size_t count, size_t alignment,
                        const struct search *search) {
  size_t offset = 0;
  while (count - offset >= sizeof(ElfW(Nhdr))) {
    const ElfW(Nhdr) *note = (const void *)(notes + offset);
    const char *name = notes + offset + sizeof *note;
    size_t contents_offset = padded(sizeof *note + note->n_namesz, alignment);
    const char *contents = notes + offset + contents_offset;
    size_t note_bytes = contents_offset + padded(note->n_descsz, alignment);
    if (note_bytes > count - offset) return;
    if (note->n_type == NOTE_TYPE && note->n_descsz == sizeof(int64_t) &&
        note->n_namesz == sizeof NOTE_NAME && memcmp(name, NOTE_NAME, sizeof NOTE_NAME) == 0) {
      int64_t distance;
      memcpy(&distance, contents, sizeof distance);
      search->visit((struct rcushims_copy *)(contents + distance), search->context);
    }
    offset += note_bytes;
  }
}

static int visit_object(struct dl_phdr_info *object, size_t size, void *search) {
  (void)size;
  for (size_t index = 0; index < object->dlpi_phnum; index += 1) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
    if (segment->p_type != PT_NOTE) continue;
    visit_notes((const char *)(object->dlpi_addr + segment->p_vaddr), segment->p_memsz,
                segment->p_align > 4 ? 8 : 4, search);
  }
  return 0;
}

static int with_loader_lock(struct dl_phdr_info *object, size_t size, void *body) {
  (void)object;
  (void)size;
  (*(void (**)(void))body)();
  return 1;
}

/// Runs `body`, which may look for the copies, while no file can be loaded or unloaded, and no
/// other copy can run this.
static void with_copies_kept(void (*body)(void)) {
  // The lock that this call holds can be taken again by the same thread.
  dl_iterate_phdr(with_loader_lock, &body);
}

static void visit_copies(void (*visit)(struct rcushims_copy *copy, void *context), void *context) {
  struct search search = {.visit = visit, .context = context};
  dl_iterate_phdr(visit_object, &search);
}

// MARK: - Numbers

struct used_numbers {
  bool is_used[NO_NUMBER + 1];
};

static void note_number(struct rcushims_copy *copy, void *context) {
  if (copy->number <= NO_NUMBER) ((struct used_numbers *)context)->is_used[copy->number] = true;
}

static void choose_number(void) {
  struct used_numbers used = {{false}};
  visit_copies(note_number, &used);
  uint32_t number = 1;
  while (number <= NUMBER_MAX && used.is_used[number]) number += 1;
  if (number > NUMBER_MAX)
    rcushims_fail(
        "swift-urcu: more than 126 copies of this library in one process; link it as a dynamic "
        "library\n");
  rcushims_this_copy.number = number;
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    unsigned long *light = &rcushims_stamps[flavor].light;
    RCUSHIMS_STORE(*light, (*light & ~RCUSHIMS_COPY) | number * RCUSHIMS_NEXT_COPY);
  }
}

extern const char rcushims_note[];

static void take_number(void) {
  // Keeps the note, even with a linker that drops what nothing refers to.
  __asm__ volatile("" : : "r"(rcushims_note));
  with_copies_kept(choose_number);
}

void rcushims_take_number(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, take_number);
}

// Runs when the file is loaded, so that the first call isn't in a signal handler.
__attribute__((constructor)) static void take_number_when_loaded(void) { rcushims_take_number(); }

// MARK: - The leader

static void note_leader(struct rcushims_copy *copy, void *context) {
  if (copy == &rcushims_this_copy) return;
  if (copy->version != VERSION) {
    rcushims_fail(
        "swift-urcu: another copy of this library in this process is of a version that handles "
        "forks differently; link both with the same version\n");
  }
  struct rcushims_copy *leader = copy->leader;
  if (leader) *(struct rcushims_copy **)context = leader;
}

static void find_leader(void) {
  struct rcushims_copy *leader = NULL;
  visit_copies(note_leader, &leader);
  if (!leader || leader == &rcushims_this_copy) {
    leader = &rcushims_this_copy;
    // If anything holds this lock, it is a thread of the parent that was here during a fork, and
    // that this child doesn't have.
    leader->row_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&leader->row_lock);
  }
  rcushims_this_copy.leader = leader;
}

bool rcushims_join_leader(void) {
  with_copies_kept(find_leader);
  struct rcushims_copy *leader = rcushims_this_copy.leader;
  if (leader == &rcushims_this_copy) return true;
  // Not while holding the loader's lock: a fork may load files.
  pthread_mutex_lock(&leader->row_lock);
  rcushims_this_copy.next = leader->next;
  leader->next = &rcushims_this_copy;
  pthread_mutex_unlock(&leader->row_lock);
  return false;
}

/// Keeps the file that this copy is linked into from being unloaded, from the moment that it is
/// loaded: it contains Swift code, and Swift's runtime goes on reading what a file has registered
/// after the file is gone. Also, the process keeps this copy's thread destructors and its handlers
/// of fork and exit, and its number stays in words.
__attribute__((constructor)) static void stay_loaded(void) {
  Dl_info file;
  if (dladdr(&rcushims_this_copy, &file) == 0 || !file.dli_fname) return;
  // Fails for the program itself, which is never unloaded.
  (void)dlopen(file.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}
