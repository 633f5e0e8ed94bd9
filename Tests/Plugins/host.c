// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A program with two plug-ins, each of which is linked statically with a copy of the library of its
// own.
//
//   host FOLDER CASE [ROUNDS [local|global]]
//
// FOLDER holds libPluginA.so and libPluginB.so. The cases are in reading.c, forking.c and
// loading.c. The plug-ins are loaded with RTLD_LOCAL, or with RTLD_GLOBAL: then the symbols of the
// first are found by the other one, as those of a program that exports its own.
//
// Status 0: all was right; 1: something was wrong, and a line says what. What is wrong may also
// crash, or hang. Why C: a plug-in's host knows nothing of Swift.

#define _GNU_SOURCE 1

#include "host.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct plugin a = {.name = "PluginA"}, b = {.name = "PluginB"};
int rounds = 10;

static const char *folder, *case_name;
/// As the argument: RTLD_LOCAL or RTLD_GLOBAL.
static bool is_global;

// Far more than they need, also on a busy machine. A process is given more than its own children,
// so that it ends them, and all are given less than the script gives to the host.
#define CHILD_SECONDS_MAX 40
#define PROCESS_SECONDS_MAX 100

void fail(const char *file, int line, const char *condition, const char *format, ...) {
  char message[500];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  // In one piece, and without the locks of stdio: this may be a child of fork.
  dprintf(STDERR_FILENO, "plugins: %s: %s (%s:%d: %s)\n", case_name, message, file, line,
          condition);
  _exit(1);
}

// MARK: - Plug-ins

static void get_path(char *path, size_t size, const struct plugin *plugin) {
  int count = snprintf(path, size, "%s/lib%s.so", folder, plugin->name);
  require(count > 0 && (size_t)count < size, "the folder's name is too long");
}

static void *find(const struct plugin *plugin, const char *name) {
  void *function = dlsym(plugin->file, name);
  require(function, "%s has no %s", plugin->name, name);
  return function;
}

void load(struct plugin *plugin) {
  char path[4096];
  get_path(path, sizeof path, plugin);
  plugin->file = dlopen(path, RTLD_NOW | (is_global ? RTLD_GLOBAL : RTLD_LOCAL));
  require(plugin->file, "%s can't be loaded: %s", plugin->name, dlerror());
  plugin->read = find(plugin, "plugin_read");
  plugin->listed_count = find(plugin, "plugin_listed_count");
  plugin->register_thread = find(plugin, "plugin_register");
  plugin->go_offline = find(plugin, "plugin_go_offline");
  plugin->wait = find(plugin, "plugin_wait");
  plugin->visit = find(plugin, "plugin_visit");
  plugin->replace = find(plugin, "plugin_replace");
  plugin->live_count = find(plugin, "plugin_live_count");
  plugin->change = find(plugin, "plugin_change");
  plugin->dump = find(plugin, "plugin_dump");
  plugin->defer = find(plugin, "plugin_defer");
  plugin->deferred_count = find(plugin, "plugin_deferred_count");
}

bool unload(struct plugin *plugin) {
  require(dlclose(plugin->file) == 0, "%s can't be closed: %s", plugin->name, dlerror());
  char path[4096];
  get_path(path, sizeof path, plugin);
  plugin->file = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
  return plugin->file == NULL;
}

void visit(struct plugin *plugin, plugin_body *body, void *context) {
  require(plugin->visit(BP, body, context), "%s: a reader sees a destroyed value", plugin->name);
}

void dump(struct plugin *plugin) {
  const char *problem = plugin->dump();
  require(!problem, "%s: a dump is wrong: %s", plugin->name, problem);
}

void do_nothing(void *ignored) { (void)ignored; }
void visit_it(void *plugin) { visit(plugin, NULL, NULL); }
void dump_it(void *plugin) { dump(plugin); }

void require_reclaimed(struct plugin *plugin, int32_t count) {
  plugin->wait(BP);
  // Less in a child that was forked while another thread deferred a call.
  require(plugin->deferred_count() <= 0, "%s: %d deferred calls weren't made", plugin->name,
          plugin->deferred_count());
  require(plugin->live_count() <= count,
          "%s: there are %d values, not %d: some are never destroyed", plugin->name,
          plugin->live_count(), count);
}

void use(struct plugin *plugin) {
  plugin->read(100);
  visit(plugin, NULL, NULL);
  plugin->replace(BP, 10);
  plugin->change(10);
  dump(plugin);
  plugin->defer(do_nothing, NULL);
  plugin->wait(BP);
}

// MARK: - Threads and processes

pthread_t start_thread(void *(*body)(void *), void *argument) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, body, argument);
  require(error == 0, "no thread: %s", strerror(error));
  return thread;
}

void join_thread(pthread_t thread) { pthread_join(thread, NULL); }

static void require_success(pid_t child, int seconds_max, const char *what) {
  require(child > 0, "%s: no child: %s", what, strerror(errno));
  int status = 0;
  pid_t ended = 0;
  // Not blocking: a child that hangs must not stay behind.
  for (int tries = 0; tries < seconds_max * 1000 && ended == 0; tries += 1) {
    ended = waitpid(child, &status, WNOHANG);
    if (ended == 0) usleep(1000);
  }
  if (ended == 0) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  require(ended == child, "%s: the child hangs", what);
  require(!WIFSIGNALED(status), "%s: the child is ended by signal %d", what, WTERMSIG(status));
  require(WEXITSTATUS(status) == 0, "%s: the child ends with %d", what, WEXITSTATUS(status));
}

void in_child(void (*body)(void), const char *what) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  require_success(child, CHILD_SECONDS_MAX, what);
}

extern char **environ;

void in_process(const char *name) {
  char *scope = is_global ? "global" : "local";
  char *arguments[] = {"host", (char *)folder, (char *)name, "1", scope, NULL};
  pid_t child;
  int error = posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, environ);
  require(error == 0, "no process: %s", strerror(error));
  require_success(child, PROCESS_SECONDS_MAX, name);
}

// MARK: - The program

static const struct {
  const char *name;
  void (*body)(void);
} cases[] = {
    {"lists", test_lists},
    {"values", test_values},
    {"flavors", test_flavors},
    {"ends", test_ends},
    {"fork", test_fork},
    {"busy", test_busy},
    {"load", test_load},
    {"join", test_join},
    {"close", test_close},
    {"reload", test_reload},
    // What others run in processes of their own.
    {"load-once", test_load_once},
    {"join-once", test_join_once},
    {"close-read", test_close_read},
    {"close-retired", test_close_retired},
    {"close-registered", test_close_registered},
    {"reload-alone", test_reload_alone},
};

static int run_case(void) {
  for (size_t index = 0; index < sizeof cases / sizeof *cases; index += 1) {
    if (strcmp(cases[index].name, case_name) != 0) continue;
    cases[index].body();
    return 0;
  }
  fprintf(stderr, "plugins: %s: there is no such case\n", case_name);
  return 64;
}

int main(int argc, char **argv) {
  folder = argc > 1 ? argv[1] : NULL;
  case_name = argc > 2 ? argv[2] : NULL;
  if (argc > 3) rounds = atoi(argv[3]);
  is_global = argc > 4 && strcmp(argv[4], "global") == 0;
  bool is_scope_known = argc <= 4 || is_global || strcmp(argv[4], "local") == 0;
  if (argc < 3 || argc > 5 || rounds < 1 || !is_scope_known) {
    fprintf(stderr, "usage: host FOLDER CASE [ROUNDS [local|global]]\n");
    return 64;
  }
  return run_case();
}
