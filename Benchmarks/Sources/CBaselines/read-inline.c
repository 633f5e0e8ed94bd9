// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The read side inlined, as a C program gets it that is compiled with _LGPL_SOURCE.

#define _LGPL_SOURCE 1

#include "read-loops.h"

DEFINE_READ_LOOPS(inline)
