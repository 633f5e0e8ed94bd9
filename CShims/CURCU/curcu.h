// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu as the system installs it (Debian and Ubuntu: liburcu-dev). The flavors stand side by
// side under their prefixed names.

#ifndef CURCU_H
#define CURCU_H

#if !__has_include(<urcu/urcu-bp.h>)
#error "swift-urcu: liburcu's headers are missing: install liburcu-dev, 0.13 or later"
#endif

#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

#endif
