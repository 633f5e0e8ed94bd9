// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#include <absl/container/flat_hash_map.h>

#include "locked-table.hpp"

using FlatMap = absl::flat_hash_map<int64_t, int64_t>;
DEFINE_LOCKED_TABLE(FlatMap, PEER_VERSION)
