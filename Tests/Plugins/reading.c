// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Threads that read by both copies.

#define _GNU_SOURCE 1

#include "host.h"

/// After as many sections in a row a thread's sections have no fences.
#define LIGHT 70

static void read_it(void *plugin) { ((struct plugin *)plugin)->read(1); }

// MARK: - lists: each copy lists a thread that has read by both

static void require_listed(const char *when) {
  require(a.listed_count() == 1 && b.listed_count() == 1,
          "%s, A lists %d threads and B %d, instead of this one", when, a.listed_count(),
          b.listed_count());
}

static void *read_a_then_b(void *ignored) {
  a.read(LIGHT);
  b.read(LIGHT);
  require_listed("after sections of A, then of B");
  return ignored;
}

static void *read_b_then_a(void *ignored) {
  b.read(1);
  a.read(1);
  require_listed("after a section of B, then of A");
  return ignored;
}

static void *read_b_inside_a(void *ignored) {
  visit(&a, read_it, &b);
  require_listed("after a section of B inside one of A");
  return ignored;
}

static void *dump_b_inside_a(void *ignored) {
  a.read(LIGHT);
  visit(&a, dump_it, &b);
  require_listed("after a dump of B inside a section of A");
  return ignored;
}

static void *alternate(void *ignored) {
  for (int round = 0; round < 1000; round += 1) {
    a.read(round % 3);
    b.read(round % 5);
  }
  require_listed("after sections of both in turn");
  return ignored;
}

static void *change_b(void *ignored) {
  b.change(1);
  return ignored;
}

void test_lists(void) {
  load(&a);
  load(&b);
  // Makes B's address space, whose reclaimer may be listed when it first runs.
  join_thread(start_thread(change_b, NULL));
  void *(*const bodies[])(void *) = {read_a_then_b, read_b_then_a, read_b_inside_a, dump_b_inside_a,
                                     alternate};
  size_t count = sizeof bodies / sizeof *bodies;
  for (size_t round = 0; round < (size_t)rounds * count; round += 1) {
    join_thread(start_thread(bodies[round % count], NULL));
    require(a.listed_count() == 0 && b.listed_count() == 0,
            "A lists %d threads and B %d when all readers have ended", a.listed_count(),
            b.listed_count());
  }
}

// MARK: - values: what readers see is whole while it is replaced

static atomic_bool is_stopping;

/// Becomes light by one copy, and reads by the other.
static void read_in_turn(struct plugin *first, struct plugin *second) {
  first->read(LIGHT);
  dump(second);
  visit(second, NULL, NULL);
  second->read(LIGHT);
  visit(second, visit_it, first);
}

static void read_nested(struct plugin *outer, struct plugin *inner) {
  visit(outer, dump_it, inner);
  visit(outer, visit_it, inner);
  visit(outer, dump_it, outer);
  dump(outer);
}

/// Rounds before a thread reads in another way.
#define PHASE 20

static void *read_until_stopped(void *first_round) {
  for (size_t round = (size_t)first_round; !atomic_load(&is_stopping); round += 1) {
    switch (round / PHASE % 4) {
      case 0: read_in_turn(&a, &b); break;
      case 1: read_in_turn(&b, &a); break;
      case 2: read_nested(&a, &b); break;
      default: read_nested(&b, &a); break;
    }
  }
  return NULL;
}

#define READER_COUNT 3

void test_values(void) {
  load(&a);
  load(&b);
  pthread_t readers[READER_COUNT];
  for (size_t index = 0; index < READER_COUNT; index += 1)
    readers[index] = start_thread(read_until_stopped, (void *)(index * PHASE));
  for (int round = 0; round < rounds * 10; round += 1) {
    struct plugin *changed = round % 2 == 0 ? &a : &b;
    changed->change(2000);
    changed->replace(BP, 1000);
  }
  atomic_store(&is_stopping, true);
  for (size_t index = 0; index < READER_COUNT; index += 1) join_thread(readers[index]);
  require_reclaimed(&a, 1);
  require_reclaimed(&b, 1);
}

// MARK: - flavors: threads that one copy has registered

static void visit_with(struct plugin *plugin, enum plugin_flavor flavor, plugin_body *body,
                       void *context) {
  require(plugin->visit(flavor, body, context), "%s: a reader of flavor %d sees a destroyed value",
          plugin->name, flavor);
}

/// What a copy has registered with liburcu, each may read on.
static void read_registered(void *flavor_pointer) {
  enum plugin_flavor flavor = *(enum plugin_flavor *)flavor_pointer;
  for (int round = 0; round < LIGHT; round += 1) {
    visit_with(&a, flavor, NULL, NULL);
    visit_with(&b, flavor, visit_it, &a);
  }
}

static void wait_with_qsbr(void *plugin) { ((struct plugin *)plugin)->wait(QSBR); }

/// The other copy doesn't know that the thread is online, and can't take it offline to wait.
static void wait_for_b_offline(void *ignored) {
  (void)ignored;
  for (int round = 0; round < LIGHT; round += 1) visit_with(&a, QSBR, visit_it, &b);
  a.go_offline(wait_with_qsbr, &b);
  a.wait(QSBR);
}

static void read_qsbr_of_b(void *ignored) {
  (void)ignored;
  for (int round = 0; round < LIGHT; round += 1) visit_with(&b, QSBR, visit_it, &a);
}

static void *register_until_stopped(void *ignored) {
  while (!atomic_load(&is_stopping)) {
    for (enum plugin_flavor flavor = MEMB; flavor <= MB; flavor += 1) {
      a.register_thread(flavor, read_registered, &flavor);
      b.register_thread(flavor, read_registered, &flavor);
    }
    a.register_thread(QSBR, wait_for_b_offline, NULL);
    b.register_thread(QSBR, read_qsbr_of_b, NULL);
  }
  return ignored;
}

void test_flavors(void) {
  load(&a);
  load(&b);
  pthread_t readers[2];
  for (size_t index = 0; index < 2; index += 1)
    readers[index] = start_thread(register_until_stopped, NULL);
  for (int round = 0; round < rounds; round += 1) {
    for (enum plugin_flavor flavor = BP; flavor <= QSBR; flavor += 1) {
      a.replace(flavor, 100);
      b.replace(flavor, 100);
      a.wait(flavor);
    }
  }
  atomic_store(&is_stopping, true);
  for (size_t index = 0; index < 2; index += 1) join_thread(readers[index]);
  for (enum plugin_flavor flavor = BP; flavor <= QSBR; flavor += 1) {
    a.wait(flavor);
    b.wait(flavor);
  }
  require_reclaimed(&a, QSBR + 1);
  require_reclaimed(&b, QSBR + 1);
}

// MARK: - ends: threads end by the destructors of both copies

// The host's own destructors: of a key made before those of liburcu and the copies, and of one made
// after them.
static pthread_key_t early_key, late_key;
#define DESTRUCTOR_ROUNDS 4

static void read_in_destructor(pthread_key_t key, void *round) {
  visit(&a, visit_it, &b);
  visit(&b, visit_it, &a);
  if ((long)round < DESTRUCTOR_ROUNDS) pthread_setspecific(key, (void *)((long)round + 1));
}

static void destroy_early(void *round) { read_in_destructor(early_key, round); }
static void destroy_late(void *round) { read_in_destructor(late_key, round); }

/// Each way to read before the end, with each of the host's destructors or none.
#define WAYS 24

static void *read_some_way(void *number) {
  size_t way = (size_t)number;
  if (way % 2 == 1) a.read(LIGHT);
  if (way / 2 % 2 == 1) b.read(LIGHT);
  if (way / 4 % 2 == 1) visit(&b, visit_it, &a);
  if (way / 8 == 1) pthread_setspecific(early_key, (void *)1);
  if (way / 8 == 2) pthread_setspecific(late_key, (void *)1);
  return NULL;
}

/// A thread whose last destructor has read stays listed until others come.
#define LISTED_MAX 100

void test_ends(void) {
  require(pthread_key_create(&early_key, destroy_early) == 0, "no key");
  load(&a);
  load(&b);
  use(&a);
  use(&b);
  require(pthread_key_create(&late_key, destroy_late) == 0, "no key");
  for (int round = 0; round < rounds; round += 1) {
    pthread_t threads[WAYS * 2];
    for (size_t index = 0; index < WAYS * 2; index += 1)
      threads[index] = start_thread(read_some_way, (void *)(index % WAYS));
    // Meanwhile.
    a.change(100);
    b.replace(BP, 100);
    b.wait(BP);
    for (size_t index = 0; index < WAYS * 2; index += 1) join_thread(threads[index]);
  }
  require(a.listed_count() < LISTED_MAX && b.listed_count() < LISTED_MAX,
          "A lists %d threads and B %d, most of which have ended", a.listed_count(),
          b.listed_count());
  require_reclaimed(&a, 1);
  require_reclaimed(&b, 1);
  use(&a);
  use(&b);
}
