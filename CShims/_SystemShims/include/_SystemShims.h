// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift can't express about threads, time, memory and the kernel, and the annotations for
// sanitizers. Each function says why it is here. Nothing here needs liburcu, so that modules that
// don't need it build without it.

#ifndef SYSTEM_SHIMS_H
#define SYSTEM_SHIMS_H

#include "sysshims_annotations.h"
#include "sysshims_perf.h"
#include "sysshims_sleepable.h"
#include "sysshims_spawn.h"
#include "sysshims_system.h"

#endif
