// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift can't say for itself, mostly as `static inline` C that compiles into the
// Swift caller. Each function names why it is here and when it may go.
//
// This target defines _LGPL_SOURCE to inline liburcu's read side (each function
// under ten lines, see NOTICE), hence its licence.

#ifndef RCU_SHIMS_H
#define RCU_SHIMS_H

#include "rcushims_collections.h"
#include "rcushims_liburcu.h"
#include "rcushims_qsbr.h"
#include "rcushims_readers.h"

#endif
