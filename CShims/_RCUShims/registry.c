// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The reader registry: how threads enter it, and leave it at their end.

#define _GNU_SOURCE 1

#include "registry.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *argument, void *file);
extern RCUSHIMS_HIDDEN void *__dso_handle;

// As Swift's own symbols: in a file that is linked with a copy of this library, they are never
// another file's.
#pragma GCC visibility push(protected)

char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];
__thread uint32_t rcushims_qsbr_state;

// No word is like this before the copy has its number: each thread's first section comes by
// `rcushims_enter_registry`.
#define FIRST_STAMP {RCUSHIMS_LIGHT | RCUSHIMS_COPY, 1}
struct rcushims_stamp rcushims_stamps[RCUSHIMS_FLAVOR_COUNT] = {FIRST_STAMP, FIRST_STAMP, FIRST_STAMP,
                                                              FIRST_STAMP};

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

/// Readers that no thread uses. Under the registry's lock.
static struct cds_list_head unused_readers[RCUSHIMS_FLAVOR_COUNT] = {
    CDS_LIST_HEAD_INIT(unused_readers[0]), CDS_LIST_HEAD_INIT(unused_readers[1]),
    CDS_LIST_HEAD_INIT(unused_readers[2]), CDS_LIST_HEAD_INIT(unused_readers[3])};

/// Of bp. Changed under the registry's lock.
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

/// Whether liburcu doesn't know bp's reader with this word: it marks those of its registry, and we,
/// or another copy of this library, don't.
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

/// Takes back the readers of threads that have ended without a word: by the time they read, the
/// last of their destructors of ours had run.
static void drop_ended_readers(int flavor) {
  // The other flavors' words are in the thread's storage; but their threads register, and
  // unregister.
  if (flavor != RCUSHIMS_BP) return;
  pid_t process = getpid();
  struct registered_reader *reader, *next;
  cds_list_for_each_entry_safe(reader, next, &rcushims_registries[flavor], link) {
    bool has_ended = syscall(SYS_tgkill, process, reader->thread, 0) != 0 && errno == ESRCH;
    if (has_ended) rcushims_drop_reader(flavor, reader);
  }
}

/// Gets more readers that no thread uses. Not from malloc: a section that opens for the first time
/// may have interrupted it.
static void make_readers(int flavor) {
  // A handler's section leaves it as it was.
  int saved_errno = errno;
  drop_ended_readers(flavor);
  errno = saved_errno;
  if (!cds_list_empty(&unused_readers[flavor])) return;
  size_t bytes = sysshims_page_bytes();
  struct registered_reader *readers =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (readers == MAP_FAILED) rcushims_fail("swift-urcu: no memory for a thread that reads\n");
  for (size_t index = 0; index < bytes / sizeof *readers; index += 1)
    cds_list_add(&readers[index].link, &unused_readers[flavor]);
}

/// Puts a reader of the calling thread's into the registry. Under the registry's lock.
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
    // The thread may read once more while it ends: then it enters the registry again.
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
//
// First `thread_local` destructors run, in the opposite order of their making; then those of keys,
// in rounds of at most four, as long as some key has a value. In each round liburcu's destructor
// for bp is before ours, since its key was made before ours. It takes a lock with signals open; a
// handler that reads then, and registers its thread again, would wait for that lock for ever.
//
// | the thread | its handlers | its sections |
// |---|---|---|
// | runs its `thread_local` destructors, or hasn't read before | run | as ever |
// | has read before, and runs other destructors | are blocked, from the first of these to the end | as ever; its word is another one, in each round |
// | read for the first time in a key's destructor, and liburcu's has run since | run | are *late*: the word is ours, liburcu doesn't know it, and we wait for it by ourselves |
// | the same, when ours has run | are blocked | as ever |
//
// In the last round nothing of ours runs any more after a section: the thread's entry stays in the
// registry, outside, until another thread wants one (`drop_ended_readers`).

/// Blocks handlers before liburcu's destructor. Not those of the main thread: it runs this at
/// `exit`, which isn't its end, and from which Ctrl-C may have to free it.
static void thread_is_about_to_end(void *ignored) {
  (void)ignored;
  if (syscall(SYS_gettid) != getpid()) sysshims_block_signals(NULL);
}

/// liburcu's registry leads through the thread's storage: it must not stay there. No handler
/// runs any more, which might read, and bring it back.
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

/// Ends the process: without a destructor, a thread that ends would leave its storage in
/// registries.
static void check_key(int error) {
  if (error != 0) rcushims_fail("swift-urcu: no room for a pthread key, or a thread's value of it\n");
}

static void make_exit_key(void) {
  check_key(pthread_key_create(&exit_key, thread_ends));
  rcushims_install_fork_handlers();
}

/// Has the calling thread's end told, both before and after liburcu is told of it.
static void await_end_of_thread(void) {
  static __thread bool is_awaited;
  // Any value that isn't NULL: the key's destructor then runs at the thread's end.
  check_key(pthread_setspecific(exit_key, &exit_key));
  if (is_awaited) return;
  is_awaited = true;
  if (__cxa_thread_atexit_impl(thread_is_about_to_end, NULL, &__dso_handle) != 0)
    rcushims_fail("swift-urcu: no memory for a thread's destructor\n");
}

// MARK: - Threads enter the registry

/// Short sections of the calling thread since its last long one, up to the maximum. Not in the
/// registry, where others look.
__thread uint32_t rcushims_short_sections[RCUSHIMS_FLAVOR_COUNT];

/// What the calling thread's short sections have in their words.
unsigned long rcushims_short_kind(int flavor) {
  // Nothing would fence bp's and memb's from afar.
  bool is_never_light = flavor != RCUSHIMS_MB && !rcushims_has_membarrier(flavor);
  return rcushims_short_sections[flavor] < RCUSHIMS_SHORT_SECTIONS_MAX || is_never_light ? RCUSHIMS_FENCED
                                                                       : RCUSHIMS_LIGHT;
}

/// Puts the calling thread into the registry, unless its word says that it is in it.
void rcushims_enter_registry(int flavor, unsigned long *word, struct cds_list_head *registry_link) {
  struct registered_reader *reader = rcushims_own_readers[flavor];
  // Without the lock, which this thread may have: then this is a handler.
  if (!reader || reader->word != word) {
    pthread_once(&exit_key_once, make_exit_key);
    await_end_of_thread();
    sigset_t mask;
    rcushims_lock_registry(flavor, &mask);
    reader = take_reader(flavor);
    // bp gives a thread another word if it reads again while it ends.
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
  // Bits of another copy's section around this one are that copy's. C code's has none.
  bool is_others = (found & (RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) != 0;
  if (!is_others || !rcushims_is_inside_word(found)) {
    // In a handler, C code's section may be around this one, and all of it between the steps of a
    // section that begins: that one will have a fence, or none, as it was going to.
    unsigned long copy = RCUSHIMS_LOAD(rcushims_stamps[flavor].light) & RCUSHIMS_COPY;
    unsigned long rest = found & ~(RCUSHIMS_COPY | RCUSHIMS_LIGHT | RCUSHIMS_FENCED | RCUSHIMS_SEALED);
    RCUSHIMS_STORE(*word, rest | copy | rcushims_short_kind(flavor));
  }
  // Also for a section of C code's that is around this. Pairs with the writer's in
  // `rcushims_start_grace_period`.
  cmm_smp_mb();
}

/// The calling thread's reader, which it has registered if need be.
struct urcu_bp_reader *rcushims_own_bp_reader(void) {
  struct urcu_bp_reader *reader = URCU_TLS(urcu_bp_reader);
  if (reader) return reader;
  struct registered_reader *own = rcushims_own_readers[RCUSHIMS_BP];
  if (!own) {
    urcu_bp_register_thread();
    return URCU_TLS(urcu_bp_reader);
  }
  // liburcu has taken the thread off its registry, since it ends, and may still have its lock: then
  // this is a handler.
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
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_memb_reader).ctr, &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      if (!rcushims_mb_is_registered()) break;
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_mb_reader).ctr, &URCU_TLS(urcu_mb_reader).node);
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
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_memb_reader).ctr, &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      urcu_mb_register_thread();
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_mb_reader).ctr, &URCU_TLS(urcu_mb_reader).node);
      break;
    case RCUSHIMS_QSBR:
      urcu_qsbr_register_thread();
      rcushims_enter_registry(flavor, &URCU_TLS(urcu_qsbr_reader).ctr, &URCU_TLS(urcu_qsbr_reader).node);
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
    // liburcu's lock may be one that nobody will release.
    leave_registry(flavor);
    return;
  }
  // Waiting for the fork lock, a thread must not hold up the grace period that a fork waits for.
  if (flavor == RCUSHIMS_QSBR && rcushims_qsbr_state != 0) rcushims_qsbr_go_offline();
  sysshims_enter_lock();
  pthread_rwlock_rdlock(&rcushims_fork_locks[flavor]);
  // A handler that reads on a thread that is off one registry only would not be waited for.
  sigset_t before;
  sysshims_block_signals(&before);
  // Off both registries within the lock: a child takes off liburcu's who is in ours.
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
