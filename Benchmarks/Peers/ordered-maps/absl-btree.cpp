// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Abseil's B-tree under its mutex, which readers share (Debian: libabsl-dev).

#include "vma-map.hpp"

#include <absl/container/btree_map.h>
#include <absl/synchronization/mutex.h>

struct AbseilPolicy {
  template <class Value>
  using Map = absl::btree_map<uint64_t, Value, std::less<uint64_t>,
                              CountingAllocator<std::pair<const uint64_t, Value>>>;
  using Mutex = absl::Mutex;
  struct ReadLock : absl::ReaderMutexLock {
    explicit ReadLock(Mutex &mutex) : absl::ReaderMutexLock(&mutex) {}
  };
  struct WriteLock : absl::MutexLock {
    explicit WriteLock(Mutex &mutex) : absl::MutexLock(&mutex) {}
  };
};

DEFINE_MAP_PEER(AbseilPolicy, PEER_VERSION)
