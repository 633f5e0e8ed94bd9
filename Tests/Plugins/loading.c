// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Plug-ins that come and go.

#define _GNU_SOURCE 1

#include "host.h"

static void use_a(void) { use(&a); }

static void use_both(void) {
  use(&a);
  use(&b);
}

// MARK: - load: a plug-in comes while another thread forks

static atomic_bool is_stopping, is_b_used;

/// Not the address spaces, which the parent may be changing.
static void use_in_child(struct plugin *plugin) {
  plugin->read(100);
  visit(plugin, NULL, NULL);
  plugin->replace(BP, 10);
  plugin->wait(BP);
}

static void use_a_in_child(void) { use_in_child(&a); }

static void use_both_in_child(void) {
  use_in_child(&a);
  use_in_child(&b);
}

static void *fork_until_stopped(void *ignored) {
  a.read(1);
  while (!atomic_load(&is_stopping))
    in_child(atomic_load(&is_b_used) ? use_both_in_child : use_a_in_child,
             "a fork while B is loaded");
  return ignored;
}

void test_load_once(void) {
  load(&a);
  use(&a);
  pthread_t thread = start_thread(fork_until_stopped, NULL);
  // At another place of a fork each time.
  usleep((useconds_t)(getpid() % 8) * 500);
  load(&b);
  for (int round = 0; round < 3; round += 1) {
    use(&b);
    atomic_store(&is_b_used, true);
  }
  atomic_store(&is_stopping, true);
  join_thread(thread);
  in_child(use_both, "a fork after B was loaded");
}

void test_load(void) {
  for (int round = 0; round < rounds; round += 1) in_process("load-once");
}

// MARK: - join: a plug-in is used for the first time while a fork is under way

static atomic_bool is_a_busy, is_about_to_fork;

static void await_use_of_b(void *ignored) {
  (void)ignored;
  atomic_store(&is_a_busy, true);
  while (!atomic_load(&is_b_used)) usleep(100);
}

static void *fork_once(void *ignored) {
  a.read(1);
  atomic_store(&is_about_to_fork, true);
  in_child(use_both_in_child, "a fork that was under way when B came");
  return ignored;
}

void test_join_once(void) {
  load(&a);
  use(&a);
  // The fork waits for this call, which waits for B.
  a.defer(await_use_of_b, NULL);
  while (!atomic_load(&is_a_busy)) usleep(100);
  pthread_t thread = start_thread(fork_once, NULL);
  while (!atomic_load(&is_about_to_fork)) usleep(100);
  usleep(10000);
  load(&b);
  use(&b);
  atomic_store(&is_b_used, true);
  join_thread(thread);
  use_both();
}

void test_join(void) {
  for (int round = 0; round < rounds; round += 1) in_process("join-once");
}

// MARK: - close: a plug-in that has been used stays loaded

static atomic_bool is_closed;
static atomic_int ready_count;

static void await_close(void *ignored) {
  (void)ignored;
  atomic_fetch_add(&ready_count, 1);
  while (!atomic_load(&is_closed)) usleep(100);
}

static void *read_before_and_after(void *ignored) {
  a.read(70);
  await_close(NULL);
  a.read(70);
  visit(&b, visit_it, &a);
  return ignored;
}

static void *close_in_a_section(void *ignored) {
  visit(&a, await_close, NULL);
  return ignored;
}

/// Nothing of A runs after the close but its destructors.
static void *read_before(void *ignored) {
  a.read(1);
  await_close(NULL);
  return ignored;
}

static void close_while_threads_live(void *(*const bodies[])(void *), size_t count) {
  pthread_t threads[count];
  for (size_t index = 0; index < count; index += 1)
    threads[index] = start_thread(bodies[index], NULL);
  while ((size_t)atomic_load(&ready_count) < count) usleep(100);
  require(!unload(&a), "PluginA was unloaded, though its threads live");
  atomic_store(&is_closed, true);
  for (size_t index = 0; index < count; index += 1) join_thread(threads[index]);
}

void test_close_read(void) {
  load(&a);
  load(&b);
  void *(*const bodies[])(void *) = {read_before_and_after, close_in_a_section, read_before};
  close_while_threads_live(bodies, 3);
  use_both();
  in_child(use_both, "a fork after PluginA was closed");
}

static void pause_a_while(void *ignored) {
  (void)ignored;
  usleep(10000);
}

/// No thread of the host's has read: A's reclaimer lives.
void test_close_retired(void) {
  load(&a);
  a.defer(pause_a_while, NULL);
  require(!unload(&a), "PluginA was unloaded, though its reclaimer's thread lives");
  a.wait(BP);
  use(&a);
  in_child(use_a, "a fork after PluginA was closed");
}


static void *stay_registered(void *ignored) {
  a.register_thread(MEMB, await_close, NULL);
  return ignored;
}

void test_close_registered(void) {
  load(&a);
  void *(*const bodies[])(void *) = {stay_registered};
  close_while_threads_live(bodies, 1);
}

void test_close(void) {
  for (int round = 0; round < rounds; round += 1) {
    in_process("close-read");
    in_process("close-retired");
    in_process("close-registered");
  }
}

// MARK: - reload: a plug-in that hasn't been used stays, too

static void return_at_once(void) {}

// Swift's runtime would go on reading what the file has registered.
static void load_and_close(struct plugin *plugin) {
  load(plugin);
  require(plugin->live_count() == 0 && plugin->deferred_count() == 0, "%s has been used",
          plugin->name);
  require(!unload(plugin), "%s was unloaded, though it contains Swift code", plugin->name);
  in_child(return_at_once, "a fork after a plug-in was closed");
}

void test_reload_alone(void) {
  for (int round = 0; round < 3; round += 1) load_and_close(&a);
  load(&a);
  use(&a);
}

static void *read_b_until_stopped(void *ignored) {
  while (!atomic_load(&is_stopping)) visit(&b, NULL, NULL);
  return ignored;
}

void test_reload(void) {
  for (int round = 0; round < rounds; round += 1) in_process("reload-alone");
  load(&b);
  use(&b);
  pthread_t reader = start_thread(read_b_until_stopped, NULL);
  for (int round = 0; round < rounds; round += 1) {
    load_and_close(&a);
    b.replace(BP, 10);
    b.wait(BP);
  }
  load(&a);
  use_both();
  in_child(use_both, "a fork after PluginA was loaded again");
  atomic_store(&is_stopping, true);
  join_thread(reader);
}
