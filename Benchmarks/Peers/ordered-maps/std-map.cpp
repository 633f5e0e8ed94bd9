// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// The C++ standard library's map, a red-black tree, under its readers-writer lock.

#include "vma-map.hpp"

#include <map>
#include <mutex>
#include <shared_mutex>

struct StandardPolicy {
  template <class Value>
  using Map = std::map<uint64_t, Value, std::less<uint64_t>,
                       CountingAllocator<std::pair<const uint64_t, Value>>>;
  using Mutex = std::shared_mutex;
  using ReadLock = std::shared_lock<std::shared_mutex>;
  using WriteLock = std::unique_lock<std::shared_mutex>;
};

DEFINE_MAP_PEER(StandardPolicy, PEER_VERSION)
