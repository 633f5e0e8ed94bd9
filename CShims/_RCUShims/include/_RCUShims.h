// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// What Swift can't express, mostly as `static inline` C that is compiled into its Swift caller.
// Each function says why it is here and when it may go.
//
// This target defines _LGPL_SOURCE, which inlines liburcu's read side (functions of at most ten
// lines, see NOTICE). That decides its licence.

#ifndef RCU_SHIMS_H
#define RCU_SHIMS_H

#include "rcushims_collections.h"
#include "rcushims_liburcu.h"
#include "rcushims_qsbr.h"
#include "rcushims_readers.h"

#endif
