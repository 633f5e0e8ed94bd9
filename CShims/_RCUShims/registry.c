// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The reader registry: how threads enter it, and how they leave it when they end.

#define _GNU_SOURCE 1

#include "registry.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *argument, void *file);
extern RCUSHIMS_HIDDEN void *__dso_handle;

// The same visibility as Swift's symbols: a file that is linked with a copy of this library uses
// its own copy's symbols, never another file's.
#pragma GCC visibility push(protected)

char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];
__thread uint32_t rcushims_qsbr_state;

// No word has these bits before this copy has its number, so each thread's first section goes
// through `rcushims_enter_registry`.
#define FIRST_STAMP {RCUSHIMS_LIGHT | RCUSHIMS_COPY, 1}
struct rcushims_stamp rcushims_stamps[RCUSHIMS_FLAVOR_COUNT] = {
    FIRST_STAMP, FIRST_STAMP, FIRST_STAMP, FIRST_STAMP};

__thread struct registered_reader *rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];

struct cds_list_head rcushims_registries[RCUSHIMS_FLAVOR_COUNT] = {
    CDS_LIST_HEAD_INIT(rcushims_registries[0]), CDS_LIST_HEAD_INIT(rcushims_registries[1]),
    CDS_LIST_HEAD_INIT(rcushims_registries[2]), CDS_LIST_HEAD_INIT(rcushims_registries[3])};
pthread_mutex_t rcushims_registry_locks[RCUSHIMS_FLAVOR_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER};

pthread_rwlock_t rcushims_fork_locks[RCUSHIMS_FLAVOR_COUNT] = {
    RCUSHIMS_FORK_LOCK, RCUSHIMS_FORK_LOCK, RCUSHIMS_FORK_LOCK, RCUSHIMS_FORK_LOCK};

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

/// Entries that no thread uses. Under the registry's lock.
static struct cds_list_head unused_readers[RCUSHIMS_FLAVOR_COUNT] = {
    CDS_LIST_HEAD_INIT(unused_readers[0]), CDS_LIST_HEAD_INIT(unused_readers[1]),
    CDS_LIST_HEAD_INIT(unused_readers[2]), CDS_LIST_HEAD_INIT(unused_readers[3])};

/// The number of late readers of bp. Changed under the registry's lock.
static unsigned late_reader_count;

bool rcushims_has_late_readers(void) {
  return __atomic_load_n(&late_reader_count, __ATOMIC_RELAXED) != 0;
}

// MARK: - The registry

void rcushims_lock_registry(int flavor, sigset_t *before) {
  sysshims_block_signals(before);
  pthread_mutex_lock(&rcushims_registry_locks[flavor]);
}

void rcushims_unlock_registry(int flavor, const sigset_t *before) {
  pthread_mutex_unlock(&rcushims_registry_locks[flavor]);
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

/// Whether this is the word of a reader of bp that liburcu doesn't know. liburcu sets `alloc` in
/// the readers of its own registry; this library, in any copy, doesn't.
static bool is_late_word(const unsigned long *word) {
  return !caa_container_of(word, const struct urcu_bp_reader, ctr)->alloc;
}

static void count_late_readers(unsigned change) {
  __atomic_store_n(&late_reader_count, late_reader_count + change, __ATOMIC_RELAXED);
}

void rcushims_drop_reader(int flavor, struct registered_reader *reader) {
  if (reader->is_late) count_late_readers(-1U);
  reader->is_late = false;
  cds_list_del(&reader->link);
  cds_list_add(&reader->link, &unused_readers[flavor]);
}

/// Takes back the entries of threads that ended after reading in a destructor, when the last of our
/// destructors had already run.
static void drop_ended_readers(int flavor) {
  // With the other flavors, the words are in the threads' own storage; but their threads register
  // and unregister.
  if (flavor != RCUSHIMS_BP) return;
  pid_t process = getpid();
  struct registered_reader *reader, *next;
  cds_list_for_each_entry_safe(reader, next, &rcushims_registries[flavor], link) {
    bool has_ended = syscall(SYS_tgkill, process, reader->thread, 0) != 0 && errno == ESRCH;
    if (has_ended) rcushims_drop_reader(flavor, reader);
  }
}

/// Creates more unused entries. Not with malloc, which the thread's first section may have
/// interrupted.
static void make_readers(int flavor) {
  // A signal handler's section must leave errno unchanged.
  int saved_errno = errno;
  drop_ended_readers(flavor);
  errno = saved_errno;
  if (!cds_list_empty(&unused_readers[flavor])) return;
  size_t bytes = sysshims_page_bytes();
  struct registered_reader *readers =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (readers == MAP_FAILED)
    rcushims_fail("swift-urcu: no memory for a thread's entry in the reader registry\n");
  for (size_t index = 0; index < bytes / sizeof *readers; index += 1)
    cds_list_add(&readers[index].link, &unused_readers[flavor]);
}

/// Enters the calling thread into the registry. Under the registry's lock.
static struct registered_reader *take_reader(int flavor) {
  struct registered_reader *reader = rcushims_own_readers[flavor];
  if (reader) return reader;
  if (cds_list_empty(&unused_readers[flavor])) make_readers(flavor);
  reader = cds_list_first_entry(&unused_readers[flavor], struct registered_reader, link);
  cds_list_del(&reader->link);
  reader->thread = (pid_t)syscall(SYS_gettid);
  reader->since = RCUSHIMS_OUTSIDE;
  cds_list_add(&reader->link, &rcushims_registries[flavor]);
  rcushims_own_readers[flavor] = reader;
  return reader;
}

static void leave_registry(int flavor) {
  sigset_t mask;
  rcushims_lock_registry(flavor, &mask);
  struct registered_reader *reader = rcushims_own_readers[flavor];
  if (flavor == RCUSHIMS_BP && URCU_TLS(urcu_bp_reader)) {
    // The thread may read once more while it ends; then it enters the registry again.
    unsigned long *word = &URCU_TLS(urcu_bp_reader)->ctr;
    if (rcushims_is_ours(flavor, *word)) {
      RCUSHIMS_STORE(*word, *word & ~(RCUSHIMS_COPY | RCUSHIMS_LIGHT | RCUSHIMS_FENCED |
                                      RCUSHIMS_SEALED));
    }
    if (reader && reader->is_late) URCU_TLS(urcu_bp_reader) = NULL;
  }
  if (reader) rcushims_drop_reader(flavor, reader);
  rcushims_own_readers[flavor] = NULL;
  rcushims_unlock_registry(flavor, &mask);
}

bool rcushims_is_registered(int flavor) {
  switch (flavor) {
    case RCUSHIMS_MEMB: return rcushims_memb_is_registered();
    case RCUSHIMS_MB: return rcushims_mb_is_registered();
    case RCUSHIMS_QSBR: return rcushims_qsbr_is_registered();
    default: return true;
  }
}

// MARK: - The end of a thread
// First, a thread runs its `thread_local` destructors, in the reverse order of construction. Then
// it runs those of pthread keys, in at most four rounds, as long as a key has a value. In each
// round, liburcu's destructor for bp runs before ours, since its key was created earlier. It takes
// a lock without blocking signals: a handler that read at that point, and so registered its thread
// again, would wait for that lock for ever.
//
// | state of the thread | its handlers | its sections |
// |---|---|---|
// | 1 | run | as usual |
// | 2 | blocked, from the first key's destructor on | as usual, with another word in each round |
// | 3 | run | *late*: the word is ours; liburcu doesn't know it, so we wait for it |
// | 4 | blocked | as usual |
//
// 1. It runs `thread_local` destructors, or hasn't read yet.
// 2. It had read before, and now runs other destructors.
// 3. It read for the first time in a key's destructor, and liburcu's destructor has run since.
// 4. As 3, after ours has run.
//
// In the last round, none of our destructors runs after a section any more. The thread's entry then
// stays in the registry, outside, until another thread needs one (`drop_ended_readers`).

/// Blocks signals before liburcu's destructor runs. Not on the main thread: it runs this in `exit`,
/// which isn't the thread's end, and where Ctrl-C may be needed to end the process.
static void thread_is_about_to_end(void *ignored) {
  (void)ignored;
  if (syscall(SYS_gettid) != getpid()) sysshims_block_signals(NULL);
}

/// Removes the thread from liburcu's registry, whose links lie in the thread's storage. Signals are
/// blocked from here on, so that no handler reads and registers the thread again.
static void thread_ends(void *ignored) {
  (void)ignored;
  sysshims_block_signals(NULL);
  leave_registry(RCUSHIMS_BP);
  for (int flavor = RCUSHIMS_MEMB; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    if (!rcushims_own_readers[flavor]) continue;
    if (rcushims_is_registered(flavor)) {
      rcushims_unregister_thread(flavor);
    } else {
      leave_registry(flavor);
    }
  }
}

/// Ends the process on an error: without its destructor, a thread that ends would leave its storage
/// linked in registries.
static void check_key(int error) {
  if (error != 0)
    rcushims_fail("swift-urcu: can't create a pthread key or set a thread's value\n");
}

static void make_exit_key(void) {
  check_key(pthread_key_create(&exit_key, thread_ends));
  rcushims_install_fork_handlers();
}

/// Arranges to be called when the calling thread ends, both before and after liburcu is.
static void await_end_of_thread(void) {
  static __thread bool is_awaited;
  // Any value but NULL, so that the key's destructor runs at the thread's end.
  check_key(pthread_setspecific(exit_key, &exit_key));
  if (is_awaited) return;
  is_awaited = true;
  if (__cxa_thread_atexit_impl(thread_is_about_to_end, NULL, &__dso_handle) != 0)
    rcushims_fail("swift-urcu: no memory for a thread's destructor\n");
}

// MARK: - Threads enter the registry

/// The calling thread's short sections since its last long one, up to the maximum. Not in the
/// registry, which other threads read.
__thread uint32_t rcushims_short_sections[RCUSHIMS_FLAVOR_COUNT];

/// The bits that the calling thread's short sections store in their words.
unsigned long rcushims_short_kind(int flavor) {
  // Without membarrier, nothing could fence bp's and memb's readers from another thread.
  bool is_never_light = flavor != RCUSHIMS_MB && !rcushims_has_membarrier(flavor);
  bool is_fenced = rcushims_short_sections[flavor] < RCUSHIMS_SHORT_SECTIONS_MAX || is_never_light;
  return is_fenced ? RCUSHIMS_FENCED : RCUSHIMS_LIGHT;
}

/// Enters the calling thread into the registry, unless its word says that it is already there.
void rcushims_enter_registry(int flavor, unsigned long *word, struct cds_list_head *registry_link) {
  struct registered_reader *reader = rcushims_own_readers[flavor];
  // Without the lock: this may be a handler on a thread that holds it.
  if (!reader || reader->word != word) {
    pthread_once(&exit_key_once, make_exit_key);
    await_end_of_thread();
    sigset_t mask;
    rcushims_lock_registry(flavor, &mask);
    reader = take_reader(flavor);
    // A thread of bp that reads again while it ends has another word.
    if (reader->is_late) count_late_readers(-1U);
    reader->is_late = false;
    reader->word = word;
    reader->registry_link = registry_link;
    reader->qsbr_state = flavor == RCUSHIMS_QSBR ? &rcushims_qsbr_state : NULL;
    if (flavor == RCUSHIMS_BP && is_late_word(word)) {
      reader->is_late = true;
      count_late_readers(1);
    }
    rcushims_unlock_registry(flavor, &mask);
  }
  unsigned long found = *word;
  if (flavor == RCUSHIMS_QSBR || rcushims_is_ours(flavor, found)) return;
  // If another copy's section encloses this one, the bits belong to that copy. C code's has no
  // bits.
  bool is_others = (found & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) != 0;
  if (!is_others || !rcushims_is_inside_word(found)) {
    // In a handler, the enclosing section may be C code's, and may lie between the steps of a
    // section that is just beginning: whether that one has a fence stays as it was.
    unsigned long copy = RCUSHIMS_LOAD(rcushims_stamps[flavor].light) & RCUSHIMS_COPY;
    unsigned long rest =
        found & ~(RCUSHIMS_COPY | RCUSHIMS_LIGHT | RCUSHIMS_FENCED | RCUSHIMS_SEALED);
    RCUSHIMS_STORE(*word, rest | copy | rcushims_short_kind(flavor));
  }
  // Needed also for an enclosing section of C code. Pairs with the writer's fence in
  // `rcushims_start_grace_period`.
  cmm_smp_mb();
}

/// The calling thread's reader, which this registers if necessary.
struct urcu_bp_reader *rcushims_own_bp_reader(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  if (reader) return reader;
  struct registered_reader *own = rcushims_own_readers[RCUSHIMS_BP];
  if (!own) {
    urcu_bp_register_thread();
    return URCU_TLS(urcu_bp_reader);
  }
  // liburcu has removed the thread from its registry because the thread is ending. It may still
  // hold its lock; then this is a handler.
  sigset_t mask;
  rcushims_lock_registry(RCUSHIMS_BP, &mask);
  RCUSHIMS_STORE(own->late_reader.ctr, 0);
  URCU_TLS(urcu_bp_reader) = &own->late_reader;
  rcushims_unlock_registry(RCUSHIMS_BP, &mask);
  return &own->late_reader;
}

void rcushims_join_registry(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: rcushims_enter_registry(flavor, &rcushims_own_bp_reader()->ctr, NULL); break;
    case RCUSHIMS_MEMB:
      if (!rcushims_memb_is_registered()) break;
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_memb_reader).ctr,
                              &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      if (!rcushims_mb_is_registered()) break;
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_mb_reader).ctr,
                              &URCU_TLS(urcu_mb_reader).node);
      break;
    default: break;
  }
}

// MARK: - Registration

void rcushims_register_thread(int flavor) {
  sysshims_enter_lock();
  pthread_rwlock_rdlock(&rcushims_fork_locks[flavor]);
  switch (flavor) {
    case RCUSHIMS_MEMB:
      urcu_memb_register_thread();
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_memb_reader).ctr,
                              &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      urcu_mb_register_thread();
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_mb_reader).ctr,
                              &URCU_TLS(urcu_mb_reader).node);
      break;
    case RCUSHIMS_QSBR:
      urcu_qsbr_register_thread();
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_qsbr_reader).ctr,
                              &URCU_TLS(urcu_qsbr_reader).node);
      __atomic_store_n(&rcushims_qsbr_state, 1, __ATOMIC_RELAXED);
      break;
    default: urcu_bp_register_thread(); break;
  }
  pthread_rwlock_unlock(&rcushims_fork_locks[flavor]);
  sysshims_leave_lock();
}

void rcushims_unregister_thread(int flavor) {
  sysshims_annotate_release(&rcushims_tags[flavor]);
  if (rcushims_is_lost(flavor)) {
    // liburcu's lock may be held by a thread that doesn't exist in this child.
    leave_registry(flavor);
    return;
  }
  // While the thread waits for the fork lock, it must not hold up the grace period that a fork
  // waits for.
  if (flavor == RCUSHIMS_QSBR && rcushims_qsbr_state != 0) rcushims_qsbr_go_offline();
  sysshims_enter_lock();
  pthread_rwlock_rdlock(&rcushims_fork_locks[flavor]);
  // Signals are blocked, since a handler that reads while its thread is in only one of the two
  // registries wouldn't be waited for.
  sigset_t before;
  sysshims_block_signals(&before);
  // The thread leaves both registries under the lock: a child removes those from liburcu's registry
  // that are in ours.
  leave_registry(flavor);
  switch (flavor) {
    case RCUSHIMS_MEMB:
      urcu_memb_unregister_thread();
      RCUSHIMS_STORE(URCU_TLS(urcu_memb_reader).ctr, 0);
      break;
    case RCUSHIMS_MB:
      urcu_mb_unregister_thread();
      RCUSHIMS_STORE(URCU_TLS(urcu_mb_reader).ctr, 0);
      break;
    case RCUSHIMS_QSBR: urcu_qsbr_unregister_thread(); break;
    default: break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_rwlock_unlock(&rcushims_fork_locks[flavor]);
  sysshims_leave_lock();
}
