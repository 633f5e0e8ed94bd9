// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The read side by calls into the shared library, as a program gets it without _LGPL_SOURCE.

#include "read-loops.h"

DEFINE_READ_LOOPS(calls)
