// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift can't say for itself about threads, time, memory and the kernel, and the annotations
// for sanitizers. Each function names why it is here. Nothing of liburcu is in this target: modules
// that don't need liburcu build without it.

#ifndef SYSTEM_SHIMS_H
#define SYSTEM_SHIMS_H

#include "sysshims_annotations.h"
#include "sysshims_sleepable.h"
#include "sysshims_system.h"

#endif
