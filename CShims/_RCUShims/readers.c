// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The list of reading threads, their sections, and what is done for every flavor alike.

#define _GNU_SOURCE 1

#include "lists.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

char rcushims_tags[RCUSHIMS_FLAVOR_COUNT];
__thread uint32_t rcushims_qsbr_state;

struct rcushims_mark rcushims_marks[RCUSHIMS_FLAVOR_COUNT] = {
    {RCUSHIMS_LIGHT, 1}, {RCUSHIMS_LIGHT, 1}, {RCUSHIMS_LIGHT, 1}, {RCUSHIMS_LIGHT, 1}};

__thread struct listed_reader rcushims_own_readers[RCUSHIMS_FLAVOR_COUNT];

struct cds_list_head rcushims_lists[RCUSHIMS_FLAVOR_COUNT] = {
    CDS_LIST_HEAD_INIT(rcushims_lists[0]), CDS_LIST_HEAD_INIT(rcushims_lists[1]),
    CDS_LIST_HEAD_INIT(rcushims_lists[2]), CDS_LIST_HEAD_INIT(rcushims_lists[3])};
pthread_mutex_t rcushims_list_locks[RCUSHIMS_FLAVOR_COUNT] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER};

pthread_rwlock_t rcushims_gates[RCUSHIMS_FLAVOR_COUNT] = {
    RCUSHIMS_GATE, RCUSHIMS_GATE, RCUSHIMS_GATE, RCUSHIMS_GATE};

static pthread_once_t exit_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;

// MARK: - The list

void rcushims_lock_list(int flavor, sigset_t *before) {
  rcushims_block_signals(before);
  pthread_mutex_lock(&rcushims_list_locks[flavor]);
}

void rcushims_unlock_list(int flavor, const sigset_t *before) {
  pthread_mutex_unlock(&rcushims_list_locks[flavor]);
  pthread_sigmask(SIG_SETMASK, before, NULL);
}

static void remove_from_list(int flavor) {
  sigset_t mask;
  rcushims_lock_list(flavor, &mask);
  struct listed_reader *reader = &rcushims_own_readers[flavor];
  if (reader->is_listed) {
    cds_list_del(&reader->link);
    reader->is_listed = false;
  }
  if (flavor == RCUSHIMS_BP && URCU_TLS(urcu_bp_reader)) {
    // The thread may read once more while it ends: then it comes onto the list again.
    unsigned long *word = &URCU_TLS(urcu_bp_reader)->ctr;
    RCUSHIMS_STORE(*word, *word & ~(RCUSHIMS_LIGHT | RCUSHIMS_FENCED | RCUSHIMS_SEALED));
  }
  rcushims_unlock_list(flavor, &mask);
}

static bool is_registered(int flavor) {
  switch (flavor) {
    case RCUSHIMS_MEMB: return rcushims_memb_is_registered();
    case RCUSHIMS_MB: return rcushims_mb_is_registered();
    case RCUSHIMS_QSBR: return rcushims_qsbr_is_registered();
    default: return false;
  }
}

/// The end of a thread. liburcu's registry leads through its storage: it must not stay there. No handler
/// runs any more, which might read, and bring it back.
static void thread_ends(void *ignored) {
  (void)ignored;
  rcushims_block_signals(NULL);
  remove_from_list(RCUSHIMS_BP);
  for (int flavor = RCUSHIMS_MEMB; flavor < RCUSHIMS_FLAVOR_COUNT; flavor += 1) {
    bool is_listed = rcushims_own_readers[flavor].is_listed;
    if (is_listed && is_registered(flavor)) rcushims_unregister_thread(flavor);
    remove_from_list(flavor);
  }
}

/// Ends the process: without a destructor, a thread that ends would leave its storage in registries.
static void check_key(int error) {
  if (error == 0) return;
  static const char text[] = "swift-urcu: no room for a pthread key, or a thread's value of it\n";
  sysshims_write_error(text, sizeof text - 1);
  abort();
}

static void make_exit_key(void) {
  check_key(pthread_key_create(&exit_key, thread_ends));
  rcushims_install_fork_handlers();
}

/// A thread that opens as many short sections in a row becomes light.
#define SHORT_SECTIONS_MAX 64

/// Short sections of the calling thread since its last long one, up to the maximum. Not with the list, where
/// others look.
static __thread uint32_t short_sections[RCUSHIMS_FLAVOR_COUNT];

/// What the calling thread's short sections have in their words.
static unsigned long short_kind(int flavor) {
  // Nothing would fence bp's and memb's from afar.
  bool is_never_light = flavor != RCUSHIMS_MB && !rcushims_has_membarrier(flavor);
  return short_sections[flavor] < SHORT_SECTIONS_MAX || is_never_light ? RCUSHIMS_FENCED
                                                                       : RCUSHIMS_LIGHT;
}

/// Puts the calling thread on the list, unless its word says that it is on it.
static void add_to_list(int flavor, unsigned long *word, struct cds_list_head *registry_link) {
  struct listed_reader *reader = &rcushims_own_readers[flavor];
  // Without the lock, which this thread may have: then this is a handler.
  if (!reader->is_listed || reader->word != word) {
    pthread_once(&exit_key_once, make_exit_key);
    sigset_t mask;
    rcushims_lock_list(flavor, &mask);
    // bp gives a thread another word if it reads again while it ends.
    if (reader->is_listed) cds_list_del(&reader->link);
    reader->word = word;
    reader->registry_link = registry_link;
    reader->qsbr_state = flavor == RCUSHIMS_QSBR ? &rcushims_qsbr_state : NULL;
    reader->thread = (pid_t)syscall(SYS_gettid);
    reader->since = RCUSHIMS_OUTSIDE;
    reader->is_listed = true;
    cds_list_add(&reader->link, &rcushims_lists[flavor]);
    // Any value that isn't NULL: the key's destructor then runs at the thread's end.
    check_key(pthread_setspecific(exit_key, rcushims_own_readers));
    rcushims_unlock_list(flavor, &mask);
  }
  if (flavor != RCUSHIMS_QSBR && !rcushims_is_on_list(*word)) {
    // In a handler, C code's section may be around this one, and all of it between the steps of a section
    // that begins: that one will have a fence, or none, as it was going to.
    unsigned long kind = short_kind(flavor);
    RCUSHIMS_STORE(*word, (*word & ~(RCUSHIMS_LIGHT | RCUSHIMS_FENCED)) | kind);
    // Also for a section of C code's that is around this. Pairs with the writer's in `rcushims_start_watch`.
    cmm_smp_mb();
  }
}

void rcushims_join_list(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP:
      if (!URCU_TLS(urcu_bp_reader)) urcu_bp_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_bp_reader)->ctr, NULL);
      break;
    case RCUSHIMS_MEMB:
      if (!rcushims_memb_is_registered()) break;
      add_to_list(flavor, &URCU_TLS(urcu_memb_reader).ctr, &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      if (!rcushims_mb_is_registered()) break;
      add_to_list(flavor, &URCU_TLS(urcu_mb_reader).ctr, &URCU_TLS(urcu_mb_reader).node);
      break;
    default: break;
  }
}

// MARK: - Sections of threads that aren't light

enum kind { SHORT, LONG, SEALED };

/// Opens a section, with a fence; `now` is the word of grace periods.
/// Returns the mark's number if the section is sealed.
static uint64_t open_fenced(int flavor, unsigned long *reader_word, unsigned long now,
                            struct cds_list_head *registry_link, enum kind kind) {
  unsigned long word = *reader_word;
  if (!rcushims_is_on_list(word)) {
    // The first section, or C code's was the last one, or is around this one.
    add_to_list(flavor, reader_word, registry_link);
    word = *reader_word;
  }
  uint64_t number = RCUSHIMS_UNSEALED;
  if (rcushims_is_inside_word(word)) {
    RCUSHIMS_STORE(*reader_word, (word & ~RCUSHIMS_SEALED) + URCU_GP_COUNT);
  } else {
    unsigned long mark = RCUSHIMS_LOAD(rcushims_marks[flavor].light) ^ RCUSHIMS_LIGHT;
    if (kind == SHORT) {
      if (short_sections[flavor] < SHORT_SECTIONS_MAX) short_sections[flavor] += 1;
      mark |= short_kind(flavor);
    } else {
      mark |= RCUSHIMS_FENCED;
    }
    if (kind == SEALED) {
      number = RCUSHIMS_LOAD(rcushims_marks[flavor].number);
      RCUSHIMS_STORE(rcushims_own_readers[flavor].sealed_number, number);
      mark |= RCUSHIMS_SEALED;
    }
    // Pairs with the acquiring load in `note_readers`.
    __atomic_store_n(reader_word, now | mark, __ATOMIC_RELEASE);
    // Not before: until then a handler's sections find the thread as it was.
    if (kind != SHORT) short_sections[flavor] = 0;
  }
  // Pairs with the writer's in `rcushims_start_watch`: either it sees that we are inside, and not sealed, or
  // we see what it has published.
  cmm_smp_mb();
  return number;
}

static uint64_t open_bp(enum kind kind) {
  if (!URCU_TLS(urcu_bp_reader)) urcu_bp_register_thread();
  return open_fenced(RCUSHIMS_BP, &URCU_TLS(urcu_bp_reader)->ctr, _CMM_LOAD_SHARED(urcu_bp_gp.ctr),
                     NULL, kind);
}

void rcushims_bp_read_lock_slow(void) { (void)open_bp(SHORT); }
void rcushims_bp_read_lock_long(void) { (void)open_bp(LONG); }
uint64_t rcushims_bp_read_lock_sealed(void) { return open_bp(SEALED); }

#define COUNTING_FLAVOR(flavor, index)                                                            \
  static uint64_t open_##flavor(enum kind kind) {                                                 \
    struct urcu_reader *reader = &URCU_TLS(urcu_##flavor##_reader);                               \
    if (!reader->registered) return 0;                                                            \
    return open_fenced(index, &reader->ctr, _CMM_LOAD_SHARED(urcu_##flavor##_gp.ctr),             \
                       &reader->node, kind);                                                      \
  }                                                                                               \
                                                                                                  \
  bool rcushims_##flavor##_read_lock_slow(void) { return open_##flavor(SHORT) != 0; }             \
  bool rcushims_##flavor##_read_lock_long(void) { return open_##flavor(LONG) != 0; }              \
  uint64_t rcushims_##flavor##_read_lock_sealed(void) { return open_##flavor(SEALED); }

COUNTING_FLAVOR(memb, RCUSHIMS_MEMB)
COUNTING_FLAVOR(mb, RCUSHIMS_MB)

// MARK: - Registration

void rcushims_register_thread(int flavor) {
  pthread_rwlock_rdlock(&rcushims_gates[flavor]);
  switch (flavor) {
    case RCUSHIMS_MEMB:
      urcu_memb_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_memb_reader).ctr, &URCU_TLS(urcu_memb_reader).node);
      break;
    case RCUSHIMS_MB:
      urcu_mb_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_mb_reader).ctr, &URCU_TLS(urcu_mb_reader).node);
      break;
    case RCUSHIMS_QSBR:
      urcu_qsbr_register_thread();
      add_to_list(flavor, &URCU_TLS(urcu_qsbr_reader).ctr, &URCU_TLS(urcu_qsbr_reader).node);
      __atomic_store_n(&rcushims_qsbr_state, 1, __ATOMIC_RELAXED);
      break;
    default: urcu_bp_register_thread(); break;
  }
  pthread_rwlock_unlock(&rcushims_gates[flavor]);
}

void rcushims_unregister_thread(int flavor) {
  sysshims_annotate_release(&rcushims_tags[flavor]);
  if (rcushims_is_lost(flavor)) {
    // liburcu's lock may be one that nobody will release.
    remove_from_list(flavor);
    return;
  }
  // Waiting at the gate, a thread must not hold up the grace period that the gate waits for.
  if (flavor == RCUSHIMS_QSBR && rcushims_qsbr_state != 0) rcushims_qsbr_go_offline();
  pthread_rwlock_rdlock(&rcushims_gates[flavor]);
  // A handler that reads on a thread that is off one list only would not be waited for.
  sigset_t before;
  rcushims_block_signals(&before);
  // Off both lists within the gate: a child takes off liburcu's who is on ours.
  remove_from_list(flavor);
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
  pthread_rwlock_unlock(&rcushims_gates[flavor]);
}

// MARK: - Grace periods

static void synchronize_qsbr(void) {
  // liburcu takes the thread offline while it waits, but not while it waits at our gate.
  bool was_online = rcushims_qsbr_state != 0;
  if (was_online) rcushims_qsbr_go_offline();
  pthread_rwlock_rdlock(&rcushims_gates[RCUSHIMS_QSBR]);
  urcu_qsbr_synchronize_rcu();
  pthread_rwlock_unlock(&rcushims_gates[RCUSHIMS_QSBR]);
  if (was_online) rcushims_qsbr_go_online();
}

void rcushims_synchronize(int flavor) {
  switch (flavor) {
    case RCUSHIMS_BP: urcu_bp_synchronize_rcu(); break;
    case RCUSHIMS_QSBR: synchronize_qsbr(); break;
    default:
      pthread_rwlock_rdlock(&rcushims_gates[flavor]);
      if (flavor == RCUSHIMS_MEMB) {
        urcu_memb_synchronize_rcu();
      } else {
        urcu_mb_synchronize_rcu();
      }
      pthread_rwlock_unlock(&rcushims_gates[flavor]);
      break;
  }
  sysshims_annotate_acquire(&rcushims_tags[flavor]);
}
