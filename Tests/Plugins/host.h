// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the cases share. See host.c.

#ifndef HOST_H
#define HOST_H

#include "plugin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/// The two plug-ins. A case loads them.
extern struct plugin a, b;
/// How often a case does what it does.
extern int rounds;

/// Ends the process with status 1 and a message, unless `condition` holds; for children of `fork`
/// too.
#define require(condition, ...)                                                      \
  do {                                                                               \
    if (!(condition)) fail(__FILE__, __LINE__, #condition, __VA_ARGS__);             \
  } while (0)

__attribute__((format(printf, 4, 5))) _Noreturn void fail(const char *file, int line,
                                                          const char *condition,
                                                          const char *format, ...);

void load(struct plugin *plugin);
/// Closes the plug-in's file. Whether it has been unloaded.
bool unload(struct plugin *plugin);

pthread_t start_thread(void *(*body)(void *), void *argument);
void join_thread(pthread_t thread);

/// Runs `body` in a child of fork, and requires that it ends with success.
void in_child(void (*body)(void), const char *what);
/// Runs a round of another case in a process of its own, and requires that it ends with success.
void in_process(const char *case_name);

/// Uses a plug-in in each way.
void use(struct plugin *plugin);
/// Runs `body`, if there is one, in a section of bp, and requires that the section's value stays
/// intact.
void visit(struct plugin *plugin, plugin_body *body, void *context);
/// Requires that the plug-in's address space can be dumped.
void dump(struct plugin *plugin);
/// The same as bodies of sections; the context is the plug-in.
void visit_it(void *plugin);
void dump_it(void *plugin);
void do_nothing(void *ignored);
/// Waits, and requires that what was retired is destroyed; `count` values stay.
void require_reclaimed(struct plugin *plugin, int32_t count);

// reading.c
void test_lists(void);
void test_values(void);
void test_flavors(void);
void test_ends(void);
// forking.c
void test_fork(void);
void test_busy(void);
// loading.c
void test_load(void);
void test_load_once(void);
void test_join(void);
void test_join_once(void);
void test_close(void);
void test_close_read(void);
void test_close_retired(void);
void test_close_registered(void);
void test_reload(void);
void test_reload_alone(void);

#endif
