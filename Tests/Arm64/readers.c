// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The read side, the list of readers, the scan and forks as C sees them, with several threads, in
// each flavor. In C, since this can be compiled for another processor and run by an emulator, which
// the Swift tests can't where their toolchain has no library for that processor. Looks at its
// results only, never at a clock; what it does is bounded by numbers.
//
//   readers [--flavor NAME] [--swaps N] [--mutant NAME] [--membarrier no]
//
// Status 0: all was right. 1: it wasn't, and standard error says what. With a mutant only the part
// that has the mistake is run, and 1 is what is expected. 69: it can't be tried here.

#define _GNU_SOURCE 1

#include "_RCUShims.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Who isn't done by then hangs: it takes a few seconds, a busy machine some more.
#define SECONDS_MAX 120

enum mutant { NONE, NO_WAIT, EARLY_WAIT, NO_SECTION, MUTANT_COUNT };

static const char *const mutant_names[MUTANT_COUNT] = {
    "none",
    // The writer poisons at once what it has unpublished.
    "no-wait",
    // It waits, but before it unpublishes.
    "early-wait",
    // The readers open no sections.
    "no-section",
};
static const char *const flavor_names[RCUSHIMS_FLAVOR_COUNT] = {"bp", "memb", "mb", "qsbr"};

static enum mutant mutant;
static int swap_count = 500;
// What is tested at the moment, for messages.
static const char *flavor_name = "";

__attribute__((format(printf, 1, 2))) static _Noreturn void fail(const char *format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fprintf(stderr, "readers (%s): %s\n", flavor_name, text);
  // Not exit: other threads run, and this may be a child.
  _exit(1);
}

#define EXPECT(condition)                                                                \
  do {                                                                                   \
    if (!(condition)) fail("line %d: not so: %s", __LINE__, #condition);                 \
  } while (0)

static void handle_alarm(int number) {
  (void)number;
  static const char text[] = "readers: something hangs\n";
  ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
  (void)ignored;
  _exit(1);
}

static void rest(void) {
  struct timespec pause = {.tv_sec = 0, .tv_nsec = 20000};
  nanosleep(&pause, NULL);
}

static pthread_t start_thread(void *(*body)(void *), void *context) {
  pthread_t thread;
  EXPECT(pthread_create(&thread, NULL, body, context) == 0);
  return thread;
}

static void join_thread(pthread_t thread) { EXPECT(pthread_join(thread, NULL) == 0); }

// MARK: - Every flavor by its number

enum kind { SHORT, LONG, SNAPSHOT };

#define COUNTING_ENTER(flavor)                                                           \
  switch (kind) {                                                                        \
    case SHORT: return rcushims_##flavor##_read_lock() ? RCUSHIMS_UNSEALED : 0;          \
    case LONG: return rcushims_##flavor##_read_lock_fenced() ? RCUSHIMS_UNSEALED : 0;      \
    default: return rcushims_##flavor##_read_lock_snapshot();                              \
  }

/// Opens a section. Returns its number if it is a snapshot section; 0 if it was refused. qsbr has
/// one kind.
static uint64_t enter(int flavor, enum kind kind) {
  switch (flavor) {
    case RCUSHIMS_BP:
      if (kind == SNAPSHOT) return rcushims_bp_read_lock_snapshot();
      if (kind == LONG) {
        rcushims_bp_read_lock_fenced();
      } else {
        rcushims_bp_read_lock();
      }
      return RCUSHIMS_UNSEALED;
    case RCUSHIMS_MEMB: COUNTING_ENTER(memb)
    case RCUSHIMS_MB: COUNTING_ENTER(mb)
    default: return rcushims_qsbr_read_lock() ? RCUSHIMS_UNSEALED : 0;
  }
}

static void leave(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: rcushims_bp_read_unlock(); break;
    case RCUSHIMS_MEMB: rcushims_memb_read_unlock(); break;
    case RCUSHIMS_MB: rcushims_mb_read_unlock(); break;
    default: rcushims_qsbr_read_unlock(); break;
  }
}

/// The calling thread's word; not for qsbr.
static unsigned long own_word(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return RCUSHIMS_LOAD(URCU_TLS(urcu_bp_reader)->ctr);
    case RCUSHIMS_MEMB: return RCUSHIMS_LOAD(URCU_TLS(urcu_memb_reader).ctr);
    default: return RCUSHIMS_LOAD(URCU_TLS(urcu_mb_reader).ctr);
  }
}

static bool is_qsbr(int flavor) { return flavor == RCUSHIMS_QSBR; }

/// Whether sections have no fence of their own where that is possible.
static bool has_light_sections(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: return urcu_bp_has_sys_membarrier;
    case RCUSHIMS_MEMB: return urcu_memb_has_sys_membarrier;
    default: return flavor == RCUSHIMS_MB;
  }
}

static void register_thread(int flavor) {
  if (flavor != RCUSHIMS_BP) rcushims_register_thread(flavor);
}

static void unregister_thread(int flavor) {
  if (flavor != RCUSHIMS_BP) rcushims_unregister_thread(flavor);
}

/// Of a thread in no section; other flavors' threads have nothing to announce.
static void announce(int flavor) {
  if (is_qsbr(flavor)) rcushims_qsbr_quiescent_state();
}

// MARK: - Threads that do what they are told

/// A thread of one flavor that carries out what the test's thread tells it to, one step at a time.
struct puppet {
  int flavor;
  pthread_t thread;
  pid_t id;
  sem_t told, done;
  /// NULL: end.
  void (*step)(struct puppet *);
  enum kind kind;
  /// Of the section that it has opened last.
  uint64_t number;
};

static void await_semaphore(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0) continue;
}

static void *puppet_body(void *context) {
  struct puppet *puppet = context;
  puppet->id = (pid_t)syscall(SYS_gettid);
  while (true) {
    sem_post(&puppet->done);
    await_semaphore(&puppet->told);
    if (!puppet->step) return NULL;
    puppet->step(puppet);
  }
}

static void puppet_start(struct puppet *puppet, int flavor) {
  puppet->flavor = flavor;
  EXPECT(sem_init(&puppet->told, 0, 0) == 0 && sem_init(&puppet->done, 0, 0) == 0);
  puppet->thread = start_thread(puppet_body, puppet);
  await_semaphore(&puppet->done);
}

static void perform(struct puppet *puppet, void (*step)(struct puppet *)) {
  puppet->step = step;
  sem_post(&puppet->told);
  await_semaphore(&puppet->done);
}

static void puppet_end(struct puppet *puppet) {
  puppet->step = NULL;
  sem_post(&puppet->told);
  join_thread(puppet->thread);
  sem_destroy(&puppet->told);
  sem_destroy(&puppet->done);
}

static void registers(struct puppet *puppet) { register_thread(puppet->flavor); }
static void unregisters(struct puppet *puppet) { unregister_thread(puppet->flavor); }

/// As C code does that knows nothing of the list.
static void unregisters_by_liburcu(struct puppet *puppet) {
  switch (puppet->flavor) {
    case RCUSHIMS_MEMB: urcu_memb_unregister_thread(); break;
    case RCUSHIMS_MB: urcu_mb_unregister_thread(); break;
    default: urcu_qsbr_unregister_thread(); break;
  }
}

static void enters(struct puppet *puppet) {
  puppet->number = enter(puppet->flavor, puppet->kind);
  EXPECT(puppet->number != 0);
}

static void leaves(struct puppet *puppet) { leave(puppet->flavor); }
static void announces(struct puppet *puppet) { announce(puppet->flavor); }

static void reads_once(struct puppet *puppet) {
  EXPECT(enter(puppet->flavor, SHORT) != 0);
  EXPECT(rcushims_is_inside(puppet->flavor));
  leave(puppet->flavor);
  EXPECT(!rcushims_is_inside(puppet->flavor));
  announce(puppet->flavor);
}

/// So many short sections, that the next one is light, if there are such.
static void becomes_light(struct puppet *puppet) {
  for (int turn = 0; turn < 65; turn += 1) reads_once(puppet);
  if (is_qsbr(puppet->flavor)) return;
  bool is_light = (own_word(puppet->flavor) & RCUSHIMS_LIGHT) != 0;
  EXPECT(is_light == has_light_sections(puppet->flavor));
}

// MARK: - Registration and the list

static void is_refused(struct puppet *puppet) {
  if (puppet->flavor == RCUSHIMS_BP) return;
  for (enum kind kind = SHORT; kind <= SNAPSHOT; kind += 1) {
    EXPECT(enter(puppet->flavor, kind) == 0);
    EXPECT(!rcushims_is_inside(puppet->flavor));
  }
}

static void begins_fenced(struct puppet *puppet) {
  if (is_qsbr(puppet->flavor)) return;
  EXPECT((own_word(puppet->flavor) & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) == RCUSHIMS_FENCED);
}

static size_t registered_count(int flavor) {
  struct rcushims_reader_scan scan;
  rcushims_scan_readers(flavor, &scan);
  return scan.reader_count;
}

/// Threads enter the registry by their first section or registration, and have left it at their
/// end.
static void check_registry(int flavor) {
  enum { count = 4 };
  struct puppet puppets[count];
  size_t before = registered_count(flavor);
  for (size_t index = 0; index < count; index += 1) {
    struct puppet *puppet = &puppets[index];
    puppet_start(puppet, flavor);
    perform(puppet, is_refused);
    EXPECT(registered_count(flavor) == before + index);
    perform(puppet, registers);
    perform(puppet, reads_once);
    perform(puppet, begins_fenced);
    EXPECT(registered_count(flavor) == before + index + 1);
  }
  perform(&puppets[0], becomes_light);
  puppets[0].kind = LONG;
  perform(&puppets[0], enters);
  perform(&puppets[0], begins_fenced);
  perform(&puppets[0], leaves);
  perform(&puppets[0], reads_once);
  perform(&puppets[0], begins_fenced);
  perform(&puppets[0], becomes_light);

  if (flavor != RCUSHIMS_BP) {
    perform(&puppets[1], unregisters);
    perform(&puppets[1], is_refused);
    EXPECT(registered_count(flavor) == before + count - 1);
    perform(&puppets[1], registers);
    perform(&puppets[1], reads_once);
    perform(&puppets[1], unregisters);
    perform(&puppets[2], unregisters_by_liburcu);
  }
  // The others end as they are.
  for (size_t index = 0; index < count; index += 1) puppet_end(&puppets[index]);
  EXPECT(registered_count(flavor) == before);
  rcushims_synchronize(flavor);
}

// MARK: - A reader that stays inside

struct waiter {
  int flavor;
  _Atomic(bool) is_over;
};

static void *wait_once(void *context) {
  struct waiter *waiter = context;
  rcushims_synchronize(waiter->flavor);
  waiter->is_over = true;
  return NULL;
}

/// Waits until the grace period under way waits for the puppet, nested so deep, and nobody else.
static void await_blocking(const struct puppet *puppet, uint32_t nesting) {
  struct rcushims_reader_scan scan;
  do {
    rest();
    rcushims_scan_readers(puppet->flavor, &scan);
  } while (scan.inside_count == 0 || !scan.inside[0].holds_up);
  EXPECT(scan.inside_count == 1);
  EXPECT(scan.inside[0].thread == puppet->id);
  EXPECT(scan.inside[0].nesting == nesting);
}

/// qsbr's readers can't be looked at: nothing ever passes.
static void expect_passed(int flavor, struct rcushims_cookie cookie, bool has_passed) {
  struct rcushims_reader_scan scan;
  rcushims_scan_readers(flavor, &scan);
  EXPECT(rcushims_has_passed(&scan, cookie) == (has_passed && !is_qsbr(flavor)));
}

/// The scan and a grace period wait for the puppet, inside three sections, until it has left.
static void check_held(int flavor, enum kind kind, bool is_light) {
  struct puppet puppet;
  struct rcushims_reader_scan scan;
  puppet_start(&puppet, flavor);
  perform(&puppet, registers);
  if (is_light) perform(&puppet, becomes_light);
  struct rcushims_cookie before = rcushims_start_grace_period(flavor, &scan);
  puppet.kind = kind;
  for (int turn = 0; turn < 3; turn += 1) perform(&puppet, enters);

  struct rcushims_cookie cookie = rcushims_start_grace_period(flavor, &scan);
  EXPECT(!rcushims_has_passed(&scan, cookie));
  // What was unpublished before the section began doesn't wait for it.
  EXPECT(rcushims_has_passed(&scan, before) == !is_qsbr(flavor));
  for (int turn = 0; turn < 5; turn += 1) expect_passed(flavor, cookie, false);
  struct waiter waiter = {.flavor = flavor, .is_over = false};
  pthread_t thread = start_thread(wait_once, &waiter);
  await_blocking(&puppet, 3);
  perform(&puppet, leaves);
  await_blocking(&puppet, 2);
  expect_passed(flavor, cookie, false);
  perform(&puppet, leaves);
  await_blocking(&puppet, 1);
  expect_passed(flavor, cookie, false);
  EXPECT(!waiter.is_over);

  perform(&puppet, leaves);
  perform(&puppet, announces);
  join_thread(thread);
  EXPECT(waiter.is_over);
  rcushims_scan_readers(flavor, &scan);
  EXPECT(scan.inside_count == 0);
  expect_passed(flavor, cookie, true);

  // The next section of the same thread isn't the one that is waited for.
  perform(&puppet, enters);
  cookie = rcushims_start_grace_period(flavor, &scan);
  perform(&puppet, leaves);
  perform(&puppet, enters);
  expect_passed(flavor, cookie, true);
  perform(&puppet, leaves);
  perform(&puppet, announces);
  puppet_end(&puppet);
}

/// A snapshot section holds up what was published before it, and nothing that comes after it.
static void check_snapshot_section(int flavor) {
  struct puppet puppet;
  struct rcushims_reader_scan scan;
  puppet_start(&puppet, flavor);
  perform(&puppet, registers);
  struct rcushims_cookie earlier = rcushims_start_grace_period(flavor, &scan);
  puppet.kind = SNAPSHOT;
  perform(&puppet, enters);
  uint64_t number = puppet.number;
  EXPECT(number != RCUSHIMS_UNSEALED && rcushims_is_snapshot_section(flavor, number));

  struct rcushims_cookie later = rcushims_start_grace_period(flavor, &scan);
  EXPECT(!rcushims_is_snapshot_section(flavor, number));
  struct rcushims_cookie cookie = rcushims_start_grace_period(flavor, &scan);
  for (int turn = 0; turn < 3; turn += 1) {
    rcushims_scan_readers(flavor, &scan);
    EXPECT(!rcushims_has_passed(&scan, cookie));
    EXPECT(!rcushims_has_passed_since(&scan, earlier, cookie));
    EXPECT(rcushims_has_passed_since(&scan, later, cookie));
    EXPECT(scan.snapshot_count == 1 && scan.snapshot[0].stamp == number);
    struct rcushims_snapshot_stamps numbers = rcushims_snapshot_since(&scan, cookie.stamp);
    EXPECT(numbers.first == number && numbers.last == number);
  }

  // The first section within it undoes the seal.
  puppet.kind = SHORT;
  perform(&puppet, enters);
  rcushims_scan_readers(flavor, &scan);
  EXPECT(scan.snapshot_count == 0);
  EXPECT(!rcushims_has_passed_since(&scan, later, cookie));
  perform(&puppet, leaves);
  rcushims_scan_readers(flavor, &scan);
  EXPECT(!rcushims_has_passed_since(&scan, later, cookie));
  perform(&puppet, leaves);
  rcushims_scan_readers(flavor, &scan);
  EXPECT(rcushims_has_passed(&scan, cookie) && rcushims_has_passed_since(&scan, earlier, cookie));
  puppet_end(&puppet);
}

// MARK: - Blocks that are poisoned when nobody reads them

#define POISON UINT64_C(0xdeaddeaddeaddead)

struct block {
  uint64_t words[16];
};

enum { words_per_block = sizeof(struct block) / sizeof(uint64_t), block_count = 8 };

struct torture {
  int flavor;
  _Atomic(struct block *) current;
  _Atomic(uint64_t) section_count;
  _Atomic(bool) is_over;
};

struct torture_reader {
  struct torture *torture;
  enum kind kind;
  pthread_t thread;
};

static void fill(struct block *block, uint64_t value) {
  for (size_t index = 0; index < words_per_block; index += 1) {
    __atomic_store_n(&block->words[index], value, __ATOMIC_RELAXED);
  }
}

/// The words of a block that is being read: one number, and not poison.
static void check_block(const struct block *block, bool is_slow) {
  uint64_t first = __atomic_load_n(&block->words[0], __ATOMIC_RELAXED);
  for (size_t index = 0; index < words_per_block; index += 1) {
    // Now and then another thread's turn comes in the midst of it.
    if (is_slow && index == words_per_block / 2) sched_yield();
    uint64_t word = __atomic_load_n(&block->words[index], __ATOMIC_RELAXED);
    if (word == POISON) fail("a reader finds poison");
    if (word != first) fail("a reader finds a block that is used anew");
  }
}

static struct block *load(struct torture *torture) {
  return atomic_load_explicit(&torture->current, memory_order_acquire);
}

/// Opens a section and loads the pointer; snapshot, if that goes well soon.
static struct block *begin_reading(struct torture *torture, enum kind kind) {
  int flavor = torture->flavor;
  for (int attempt = 0; kind == SNAPSHOT && attempt < 8; attempt += 1) {
    uint64_t number = enter(flavor, SNAPSHOT);
    EXPECT(number != 0);
    struct block *block = load(torture);
    if (rcushims_is_snapshot_section(flavor, number)) return block;
    leave(flavor);
  }
  EXPECT(enter(flavor, kind == SNAPSHOT ? LONG : kind) != 0);
  return load(torture);
}

static void read_current(struct torture *torture, enum kind kind, uint64_t turn) {
  int flavor = torture->flavor;
  bool is_slow = turn % 8 == 0;
  if (mutant == NO_SECTION) {
    // qsbr's threads are inside liburcu's sections wherever they are online.
    if (is_qsbr(flavor)) rcushims_qsbr_go_offline();
    check_block(load(torture), is_slow);
    if (is_qsbr(flavor)) rcushims_qsbr_go_online();
  } else {
    struct block *block = begin_reading(torture, kind);
    check_block(block, is_slow);
    if (turn % 5 == 0) {
      EXPECT(enter(flavor, SHORT) != 0);
      check_block(load(torture), false);
      leave(flavor);
      // What was found before, once more.
      check_block(block, false);
    }
    leave(flavor);
  }
  atomic_fetch_add_explicit(&torture->section_count, 1, memory_order_relaxed);
  if (is_qsbr(flavor) && turn % 3 == 0) announce(flavor);
  if (is_qsbr(flavor) && turn % 64 == 0) {
    rcushims_qsbr_go_offline();
    rcushims_qsbr_go_online();
  }
}

static void *torture_reader_body(void *context) {
  struct torture_reader *reader = context;
  struct torture *torture = reader->torture;
  register_thread(torture->flavor);
  for (uint64_t turn = 0; !torture->is_over || turn < 200; turn += 1) {
    // Long sections among the short ones, so that the thread is light, and fenced, by turns.
    bool is_long = reader->kind == SHORT && turn % 1000 == 999;
    read_current(torture, is_long ? LONG : reader->kind, turn);
  }
  // Some unregister, others just end.
  if (reader->kind == LONG) unregister_thread(torture->flavor);
  return NULL;
}

static void *short_life(void *context) {
  struct torture *torture = context;
  register_thread(torture->flavor);
  for (uint64_t turn = 1; turn <= 70; turn += 1) read_current(torture, SHORT, turn);
  return NULL;
}

static void *bear_threads(void *context) {
  struct torture *torture = context;
  for (int turn = 0; turn < 100 && !torture->is_over; turn += 1) {
    join_thread(start_thread(short_life, torture));
  }
  return NULL;
}

/// Waits until somebody has read since `before`.
static void await_readers(struct torture *torture, uint64_t before) {
  while (torture->section_count == before) sched_yield();
}

/// Until nobody can be reading what was unpublished before this, and published after `earlier`.
/// Returns a cookie that began in here, unless this was a grace period of liburcu's.
static struct rcushims_cookie wait_for_readers(int flavor, bool synchronizes,
                                              const struct rcushims_cookie *earlier) {
  struct rcushims_cookie cookie = {.stamp = 0, .interruption = 0};
  if (synchronizes || is_qsbr(flavor)) {
    rcushims_synchronize(flavor);
    return cookie;
  }
  struct rcushims_reader_scan scan;
  cookie = rcushims_start_grace_period(flavor, &scan);
  EXPECT(cookie.stamp != 0);
  while (!rcushims_has_passed_since(&scan, *earlier, cookie)) {
    rest();
    rcushims_scan_readers(flavor, &scan);
  }
  return cookie;
}

static void check_torture(int flavor) {
  static struct block blocks[block_count];
  struct torture torture = {.flavor = flavor, .section_count = 0, .is_over = false};
  // Before what the block there is was published after; no mark is smaller.
  struct rcushims_cookie earlier[block_count] = {0};
  struct torture_reader readers[] = {
      {.torture = &torture, .kind = SHORT},
      {.torture = &torture, .kind = LONG},
      {.torture = &torture, .kind = SNAPSHOT},
  };
  enum { reader_count = sizeof readers / sizeof readers[0] };
  for (size_t index = 0; index < block_count; index += 1) fill(&blocks[index], POISON);
  fill(&blocks[0], 1);
  atomic_store(&torture.current, &blocks[0]);

  for (size_t index = 0; index < reader_count; index += 1) {
    readers[index].thread = start_thread(torture_reader_body, &readers[index]);
  }
  pthread_t bearer = start_thread(bear_threads, &torture);
  struct rcushims_cookie last = {0};
  for (int swap = 1; swap <= swap_count; swap += 1) {
    struct block *next = &blocks[swap % block_count];
    fill(next, (uint64_t)swap + 1);
    earlier[swap % block_count] = last;
    await_readers(&torture, torture.section_count);
    if (mutant == EARLY_WAIT) {
      (void)wait_for_readers(flavor, swap % 2 == 0, &earlier[(swap - 1) % block_count]);
      await_readers(&torture, torture.section_count);
    }
    struct block *old = atomic_exchange(&torture.current, next);
    if (mutant == NONE || mutant == NO_SECTION) {
      struct rcushims_cookie cookie =
          wait_for_readers(flavor, swap % 4 == 0, &earlier[(swap - 1) % block_count]);
      if (cookie.stamp != 0) last = cookie;
    }
    fill(old, POISON);
  }
  torture.is_over = true;
  for (size_t index = 0; index < reader_count; index += 1) join_thread(readers[index].thread);
  join_thread(bearer);
}

// MARK: - fork

static void *use_in_new_thread(void *context) {
  struct torture *torture = context;
  register_thread(torture->flavor);
  read_current(torture, SHORT, 0);
  return NULL;
}

/// All of this process's readers, in a child that has this thread only.
static _Noreturn void use_in_child(struct torture *torture) {
  int flavor = torture->flavor;
  alarm(SECONDS_MAX);
  // A look has put this thread on bp's list; in the other flavors it isn't registered.
  EXPECT(registered_count(flavor) == (flavor == RCUSHIMS_BP));
  // In its own memory: the parent's stays as it is. Nobody else reads it.
  struct block block, *old = load(torture);
  fill(&block, 2);
  atomic_store(&torture->current, &block);
  // Before it waits for what the parent's readers were doing.
  rcushims_synchronize(flavor);
  fill(old, POISON);
  struct rcushims_reader_scan scan;
  struct rcushims_cookie cookie = rcushims_start_grace_period(flavor, &scan);
  EXPECT(rcushims_has_passed(&scan, cookie) == !is_qsbr(flavor));
  register_thread(flavor);
  for (uint64_t turn = 0; turn < 70; turn += 1) read_current(torture, turn % 3, turn);
  pthread_t thread = start_thread(use_in_new_thread, torture);
  announce(flavor);
  unregister_thread(flavor);
  join_thread(thread);
  EXPECT(registered_count(flavor) <= 1);
  rcushims_synchronize(flavor);
  _exit(0);
}

static void expect_success(pid_t child) {
  int status;
  EXPECT(child > 0);
  while (waitpid(child, &status, 0) != child) continue;
  if (WIFSIGNALED(status)) fail("a child ended with signal %d", WTERMSIG(status));
  if (WEXITSTATUS(status) != 0) fail("a child ended with %d", WEXITSTATUS(status));
}

/// Forks beside readers, one of which stays inside: a child needn't wait for that one.
static void check_fork(int flavor) {
  struct block block;
  struct torture torture = {.flavor = flavor, .section_count = 0, .is_over = false};
  fill(&block, 1);
  atomic_store(&torture.current, &block);
  struct torture_reader reader = {.torture = &torture, .kind = SHORT};
  struct puppet holder;
  puppet_start(&holder, flavor);
  perform(&holder, registers);
  holder.kind = SHORT;
  perform(&holder, enters);
  reader.thread = start_thread(torture_reader_body, &reader);
  await_readers(&torture, 0);
  for (int turn = 0; turn < 6; turn += 1) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) use_in_child(&torture);
    expect_success(child);
  }
  torture.is_over = true;
  join_thread(reader.thread);
  perform(&holder, leaves);
  puppet_end(&holder);

  // Inside a section: the child may go on reading, and nobody waits there.
  register_thread(flavor);
  EXPECT(enter(flavor, SHORT) != 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    EXPECT(rcushims_is_lost(flavor) && rcushims_is_inside(flavor));
    check_block(load(&torture), false);
    struct rcushims_reader_scan scan;
    struct rcushims_cookie cookie = rcushims_start_grace_period(flavor, &scan);
    EXPECT(cookie.stamp == 0 && !rcushims_has_passed(&scan, cookie));
    leave(flavor);
    EXPECT(enter(flavor, SHORT) != 0);
    leave(flavor);
    _exit(0);
  }
  expect_success(child);
  EXPECT(!rcushims_is_lost(flavor));
  leave(flavor);
  unregister_thread(flavor);
  rcushims_synchronize(flavor);
}

// MARK: - What is run

static void check_flavor(int flavor) {
  flavor_name = flavor_names[flavor];
  if (mutant == NONE) {
    check_registry(flavor);
    check_held(flavor, SHORT, false);
    check_held(flavor, SHORT, true);
    check_held(flavor, LONG, true);
    if (!is_qsbr(flavor)) check_snapshot_section(flavor);
  }
  check_torture(flavor);
  if (mutant == NONE) check_fork(flavor);
  printf("readers: %s is right; sections without a fence of ours: %s\n", flavor_name,
         is_qsbr(flavor) ? "all" : has_light_sections(flavor) ? "yes" : "no, no membarrier here");
}

/// Where `name` is in `names`; ends the program if it isn't.
static int find(const char *name, const char *const *names, int count) {
  for (int index = 0; name != NULL && index < count; index += 1) {
    if (strcmp(names[index], name) == 0) return index;
  }
  fprintf(stderr,
          "usage: readers [--flavor NAME] [--swaps N] [--mutant NAME] [--membarrier no]\n");
  exit(64);
}

/// Starts this program anew, as on a kernel without membarrier: liburcu asks before `main`.
static void begin_again_without_membarrier(char **arguments) {
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
  if (syscall(SYS_membarrier, 0, 0) < 0 && errno == ENOSYS) return;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) == 0 &&
      prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0UL, 0UL) == 0) {
    execv("/proc/self/exe", arguments);
  }
  fprintf(stderr, "readers: membarrier can't be taken away here: %s\n", strerror(errno));
  exit(69);
}

int main(int argument_count, char **arguments) {
  static const char *const options[] = {"--flavor", "--swaps", "--mutant", "--membarrier"};
  static const char *const no[] = {"no"};
  int only = -1;
  for (int index = 1; index < argument_count; index += 2) {
    // NULL after the last one.
    const char *value = arguments[index + 1];
    switch (find(arguments[index], options, 4)) {
      case 0: only = find(value, flavor_names, RCUSHIMS_FLAVOR_COUNT); break;
      case 1: swap_count = value == NULL ? 0 : atoi(value); break;
      case 2: mutant = (enum mutant)find(value, mutant_names, MUTANT_COUNT); break;
      default:
        (void)find(value, no, 1);
        begin_again_without_membarrier(arguments);
        break;
    }
  }
  signal(SIGALRM, handle_alarm);
  alarm(SECONDS_MAX);
  for (int flavor = 0; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (only == -1 || only == flavor) check_flavor(flavor);
  }
  return 0;
}
