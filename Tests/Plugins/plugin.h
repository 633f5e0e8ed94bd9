// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What the host asks of a plug-in (Plugin.swift). Both plug-ins have these functions, under the
// same names, and each uses the copy of the library that it is linked with.

#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

typedef void plugin_body(void *context);

enum plugin_flavor { BP = 0, MEMB = 1, MB = 2, QSBR = 3 };

struct plugin {
  const char *name;
  /// What `dlopen` returned; NULL: it isn't loaded.
  void *file;

  /// Opens and ends `count` sections of bp, one after the other.
  void (*read)(int32_t count);
  /// How many threads the copy lists as readers in bp.
  int32_t (*listed_count)(void);
  /// Runs `body` on a thread that is registered with the flavor; not with bp.
  void (*register_thread)(enum plugin_flavor flavor, plugin_body *body, void *context);
  /// Runs `body` while the thread, which this copy has registered, is offline in qsbr.
  void (*go_offline)(plugin_body *body, void *context);
  /// Waits for a grace period, and for all that was retired before.
  void (*wait)(enum plugin_flavor flavor);

  /// Loads the flavor's value in a section, and runs `body`, if there is one. Whether the value is
  /// intact before and after that.
  bool (*visit)(enum plugin_flavor flavor, plugin_body *body, void *context);
  /// Replaces the flavor's value `count` times.
  void (*replace)(enum plugin_flavor flavor, int32_t count);
  /// How many values there are: one of each flavor that has been used, and those that are pending.
  int32_t (*live_count)(void);

  /// Maps pages, splits them and unmaps them, `count` times. By one thread at a time.
  void (*change)(int32_t count);
  /// Dumps the address space, and returns NULL or what is wrong with the dump.
  const char *(*dump)(void);

  /// Has bp's reclaimer run `body` after a grace period.
  void (*defer)(plugin_body *body, void *context);
  /// How many of these calls haven't been made.
  int32_t (*deferred_count)(void);
};

#endif
