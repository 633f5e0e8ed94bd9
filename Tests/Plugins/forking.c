// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Forks of a process with two copies.

#define _GNU_SOURCE 1

#include "host.h"

static atomic_bool is_stopping;

// MARK: - fork: a child can do by both copies what its parent can

#define WRITER_COUNT 2
/// Those that readers see by bp and memb, and one that each writer, which the child doesn't have,
/// was about to publish.
#define VALUES_IN_CHILD_MAX (2 + WRITER_COUNT)
/// The child's only thread, and the reclaimer's.
#define LISTED_IN_CHILD_MAX 2

/// Not the address spaces, which other threads change.
static void use_in_child(struct plugin *plugin) {
  plugin->read(100);
  visit(plugin, NULL, NULL);
  plugin->replace(BP, 10);
  plugin->defer(do_nothing, NULL);
  plugin->wait(MEMB);
  require_reclaimed(plugin, VALUES_IN_CHILD_MAX);
  require(plugin->listed_count() <= LISTED_IN_CHILD_MAX,
          "%s lists %d threads in a child, which has at most %d", plugin->name,
          plugin->listed_count(), LISTED_IN_CHILD_MAX);
}

static void use_both_in_child(void) {
  use_in_child(&a);
  use_in_child(&b);
  visit(&a, visit_it, &b);
  visit(&b, visit_it, &a);
}

static void *visit_both(void *ignored) {
  visit(&a, visit_it, &b);
  return ignored;
}

static void use_in_child_and_fork(void) {
  use_both_in_child();
  join_thread(start_thread(visit_both, NULL));
  in_child(use_both_in_child, "a fork in a child");
}

static void *fork_without_reading(void *ignored) {
  in_child(use_both_in_child, "a fork by a thread that hasn't read");
  return ignored;
}

static void *fork_after_reading_by_a(void *ignored) {
  a.read(1);
  in_child(use_both_in_child, "a fork by a thread that has read by A");
  return ignored;
}

static void *fork_after_reading_by_b(void *ignored) {
  b.read(1);
  in_child(use_both_in_child, "a fork by a thread that has read by B");
  return ignored;
}

static void *fork_after_reading_by_both(void *ignored) {
  a.read(1);
  b.read(1);
  in_child(use_in_child_and_fork, "a fork by a thread that has read by both");
  visit(&a, visit_it, &b);
  return ignored;
}

static void *(*const forks[])(void *) = {fork_without_reading, fork_after_reading_by_a,
                                         fork_after_reading_by_b, fork_after_reading_by_both};
#define FORK_KINDS 4

/// On a thread that both copies list, also in memb, where one of them has registered it.
static void read_and_replace(void *ignored) {
  (void)ignored;
  a.read(70);
  visit(&b, visit_it, &a);
  a.replace(BP, 10);
  b.read(70);
  visit(&a, visit_it, &b);
  b.replace(BP, 10);
  require(a.visit(MEMB, visit_it, &b) && b.visit(MEMB, visit_it, &a),
          "a reader of memb sees a destroyed value");
}

static void *register_and_replace(void *plugin) {
  while (!atomic_load(&is_stopping))
    ((struct plugin *)plugin)->register_thread(MEMB, read_and_replace, NULL);
  return NULL;
}

void test_fork(void) {
  load(&a);
  load(&b);
  // A child may do what its parent has done before.
  use(&a);
  use(&b);
  a.wait(MEMB);
  b.wait(MEMB);
  for (size_t index = 0; index < FORK_KINDS; index += 1)
    join_thread(start_thread(forks[index], NULL));
  pthread_t writers[WRITER_COUNT];
  for (size_t index = 0; index < WRITER_COUNT; index += 1)
    writers[index] = start_thread(register_and_replace, index % 2 == 0 ? &a : &b);
  for (size_t round = 0; round < (size_t)rounds * 2; round += 1)
    join_thread(start_thread(forks[round % FORK_KINDS], NULL));
  atomic_store(&is_stopping, true);
  for (size_t index = 0; index < WRITER_COUNT; index += 1) join_thread(writers[index]);
  require_reclaimed(&a, 2);
  require_reclaimed(&b, 2);
}

// MARK: - busy: a fork while the other copy's reclaimer is busy

static void pause_a_while(void *ignored) {
  (void)ignored;
  usleep(1000);
}

static void *visit_b_until_stopped(void *ignored) {
  while (!atomic_load(&is_stopping)) visit(&b, pause_a_while, NULL);
  return ignored;
}

static void *defer_by_b_until_stopped(void *ignored) {
  while (!atomic_load(&is_stopping)) {
    for (int count = 0; count < 4; count += 1) b.defer(pause_a_while, NULL);
    usleep(1000);
    b.wait(BP);
  }
  return ignored;
}

static void *fork_while_b_is_busy(void *ignored) {
  a.read(1);
  in_child(use_both_in_child, "a fork while B's reclaimer is busy");
  return ignored;
}

void test_busy(void) {
  load(&a);
  load(&b);
  use(&a);
  use(&b);
  a.wait(MEMB);
  b.wait(MEMB);
  pthread_t threads[] = {start_thread(visit_b_until_stopped, NULL),
                         start_thread(defer_by_b_until_stopped, NULL)};
  for (int round = 0; round < rounds * 2; round += 1) {
    a.replace(BP, 10);
    join_thread(start_thread(fork_while_b_is_busy, NULL));
  }
  atomic_store(&is_stopping, true);
  for (size_t index = 0; index < 2; index += 1) join_thread(threads[index]);
  require_reclaimed(&a, 1);
  require_reclaimed(&b, 1);
}
