// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu as the system installs it (Debian and Ubuntu: liburcu-dev).
// The flavors live side by side under their prefixed names.

#ifndef CURCU_H
#define CURCU_H

#include <urcu/urcu-bp.h>
#include <urcu/urcu-mb.h>
#include <urcu/urcu-memb.h>
#include <urcu/urcu-qsbr.h>

#endif
