// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

#include <absl/container/node_hash_map.h>

#include "locked-table.hpp"

using NodeMap = absl::node_hash_map<int64_t, int64_t>;
DEFINE_LOCKED_TABLE(NodeMap, PEER_VERSION)
