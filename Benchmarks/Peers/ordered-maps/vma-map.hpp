// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// VMAs in an ordered map under a readers-writer lock: what one would write in C++.

#ifndef VMA_MAP_HPP
#define VMA_MAP_HPP

#include "map-peer.h"
#include "maps-line.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string>
#include <tuple>
#include <vector>

/// Counts what it allocates, as large as glibc makes it: a word more, in steps of 16 bytes.
template <class T>
struct CountingAllocator {
  using value_type = T;
  size_t *bytes;

  explicit CountingAllocator(size_t *bytes) : bytes(bytes) {}
  template <class U>
  CountingAllocator(const CountingAllocator<U> &other) : bytes(other.bytes) {}

  static size_t cost(size_t count) { return (count * sizeof(T) + 8 + 15) & ~size_t(15); }

  T *allocate(size_t count) {
    *bytes += cost(count);
    return static_cast<T *>(::operator new(count * sizeof(T)));
  }
  void deallocate(T *memory, size_t count) {
    *bytes -= cost(count);
    ::operator delete(memory);
  }
  template <class U>
  bool operator==(const CountingAllocator<U> &other) const { return bytes == other.bytes; }
  template <class U>
  bool operator!=(const CountingAllocator<U> &other) const { return bytes != other.bytes; }
};

/// A VMA but for its end, by which it is found.
struct Area {
  uint64_t start;
  uint64_t offset;
  uint32_t flags;
  // Shared by all areas of one file or name; null for anonymous memory without a name.
  const MappedObject *object;

  /// Moves the start up, and the offset with it.
  void trim(uint64_t address) {
    if (object != nullptr) offset += address - start;
    start = address;
  }
  /// Whether `next`, which starts at `end`, goes on alike.
  bool joins(uint64_t end, const Area &next) const {
    return next.start == end && next.flags == flags && next.object == object &&
           (object == nullptr || next.offset == offset + (end - start));
  }
};

/// What a query tells.
struct Found {
  uint64_t start, end, offset, inode;
  uint32_t flags, device_major, device_minor;
};

/// `Policy` has `Map<Value>`, an ordered map by 64-bit keys, and `Mutex`, `ReadLock`, `WriteLock`.
template <class Policy>
class VmaMap {
  // By end: the first key above an address is that of the VMA which covers it, or of the next.
  using Areas = typename Policy::template Map<Area>;
  using Iterator = typename Areas::iterator;
  using ObjectKey = std::tuple<uint64_t, uint32_t, uint32_t, std::string>;

  size_t area_bytes_ = 0;
  Areas areas_{typename Areas::allocator_type(&area_bytes_)};
  std::map<ObjectKey, MappedObject> objects_;
  typename Policy::Mutex mutex_;
  std::vector<char> text_;

 public:
  void add(const baselines_vma &vma) {
    typename Policy::WriteLock lock(mutex_);
    areas_.emplace_hint(areas_.end(), vma.end, area(vma));
  }

  void map(const baselines_vma &vma) {
    typename Policy::WriteLock lock(mutex_);
    Iterator next = clear(vma.start, vma.end);
    Iterator added = join_previous(areas_.emplace_hint(next, vma.end, area(vma)));
    if (++added != areas_.end()) join_previous(added);
  }

  void unmap(uint64_t start, uint64_t end) {
    typename Policy::WriteLock lock(mutex_);
    clear(start, end);
  }

  void protect(uint64_t start, uint64_t end, uint32_t access) {
    typename Policy::WriteLock lock(mutex_);
    Iterator area = areas_.upper_bound(start);
    if (area == areas_.end() || area->second.start != start || area->first != end) {
      split(end);
      area = split(start);
    }
    while (area != areas_.end() && area->second.start < end) {
      area->second.flags = (area->second.flags & BASELINES_SHARED) | access;
      area = std::next(join_previous(area));
    }
    if (area != areas_.end()) join_previous(area);
  }

  uint64_t query(const uint64_t *addresses, size_t mask, size_t count) {
    uint64_t sum = 0;
    Found found;
    for (size_t index = 0; index < count; index++)
      sum += find(addresses[index & mask], found) ? found.start : 1;
    return sum;
  }

  size_t dump(const char **text) {
    typename Policy::ReadLock lock(mutex_);
    size_t size = 0;
    for (const auto &[end, area] : areas_) {
      size_t needed = size + maps_line_max(area.object);
      if (text_.size() < needed) text_.resize(needed * 2);
      size += write_line(text_.data() + size, end, area);
    }
    *text = text_.data();
    return size;
  }

  size_t dump_chunk(uint64_t *position, char *chunk) {
    typename Policy::ReadLock lock(mutex_);
    size_t size = 0;
    for (Iterator next = areas_.upper_bound(*position); next != areas_.end(); ++next) {
      if (size + maps_line_max(next->second.object) <= BASELINES_CHUNK_BYTES) {
        size += write_line(chunk + size, next->first, next->second);
      } else if (!append_if_fits(chunk, size, next->first, next->second)) {
        if (size == 0) abort();
        break;
      }
      *position = next->first;
    }
    return size;
  }

  size_t memory_bytes() {
    typename Policy::ReadLock lock(mutex_);
    return area_bytes_;
  }

 private:
  __attribute__((noinline)) bool find(uint64_t address, Found &found) {
    typename Policy::ReadLock lock(mutex_);
    Iterator next = areas_.upper_bound(address);
    if (next == areas_.end() || next->second.start > address) return false;
    const Area &area = next->second;
    found = {area.start, next->first, area.offset, 0, area.flags, 0, 0};
    if (area.object != nullptr) {
      found.inode = area.object->inode;
      found.device_major = area.object->device_major;
      found.device_minor = area.object->device_minor;
    }
    return true;
  }

  Area area(const baselines_vma &vma) {
    return {vma.start, vma.offset, vma.flags, object(vma)};
  }

  const MappedObject *object(const baselines_vma &vma) {
    if (vma.name_size == 0 && vma.inode == 0) return nullptr;
    std::string name = vma.name_size == 0 ? std::string() : std::string(vma.name, vma.name_size);
    ObjectKey key(vma.inode, vma.device_major, vma.device_minor, name);
    MappedObject object{vma.inode, vma.device_major, vma.device_minor, std::move(name)};
    return &objects_.try_emplace(std::move(key), std::move(object)).first->second;
  }

  static size_t write_line(char *out, uint64_t end, const Area &area) {
    return write_maps_line(out, area.start, end, area.flags, area.offset, area.object);
  }

  /// By way of a buffer, since the line may be too long.
  static bool append_if_fits(char *chunk, size_t &size, uint64_t end, const Area &area) {
    std::vector<char> line(maps_line_max(area.object));
    size_t line_size = write_line(line.data(), end, area);
    if (size + line_size > BASELINES_CHUNK_BYTES) return false;
    std::copy(line.begin(), line.begin() + line_size, chunk + size);
    size += line_size;
    return true;
  }

  /// Removes what lies in the range. Returns what comes after it.
  Iterator clear(uint64_t start, uint64_t end) {
    Iterator next = areas_.upper_bound(start);
    while (next != areas_.end() && next->second.start < end) {
      Area low = next->second;
      if (next->first > end) {
        next->second.trim(end);
      } else {
        next = areas_.erase(next);
      }
      // Its lower part has another key.
      if (low.start < start) next = std::next(areas_.emplace_hint(next, start, low));
      if (next == areas_.end() || next->second.start >= end) break;
    }
    return next;
  }

  /// Makes a VMA that reaches across `address` two. Returns the one that starts there, or the next.
  Iterator split(uint64_t address) {
    Iterator next = areas_.upper_bound(address);
    if (next == areas_.end() || next->second.start >= address) return next;
    Area low = next->second;
    next->second.trim(address);
    return std::next(areas_.emplace_hint(next, address, low));
  }

  /// Makes one of a VMA and the one before it, if that goes on alike.
  Iterator join_previous(Iterator area) {
    if (area == areas_.begin()) return area;
    Iterator previous = std::prev(area);
    if (!previous->second.joins(previous->first, area->second)) return area;
    area->second.start = previous->second.start;
    area->second.offset = previous->second.offset;
    return areas_.erase(previous);
  }
};

/// Defines the symbol of map-peer.h for one kind of map.
#define DEFINE_MAP_PEER(Policy, VERSION)                                                           \
  namespace {                                                                                      \
  VmaMap<Policy> &as_map(void *map) { return *static_cast<VmaMap<Policy> *>(map); }                \
  }                                                                                                \
  extern "C" const baselines_map_peer baselines_map_peer_functions = {                             \
      [] { return static_cast<const char *>(VERSION); },                                           \
      []() -> void * { return new VmaMap<Policy>(); },                                             \
      [](void *map) { delete &as_map(map); },                                                      \
      [](void *map, const baselines_vma *vma) { as_map(map).add(*vma); },                          \
      [](void *map, const baselines_vma *vma) { as_map(map).map(*vma); },                          \
      [](void *map, uint64_t start, uint64_t end) { as_map(map).unmap(start, end); },              \
      [](void *map, uint64_t start, uint64_t end, uint32_t access) {                               \
        as_map(map).protect(start, end, access);                                                   \
      },                                                                                           \
      [](void *map, const uint64_t *addresses, size_t mask, size_t count) {                        \
        return as_map(map).query(addresses, mask, count);                                          \
      },                                                                                           \
      [](void *map, const char **text) { return as_map(map).dump(text); },                         \
      [](void *map, uint64_t *position, char *chunk) {                                             \
        return as_map(map).dump_chunk(position, chunk);                                            \
      },                                                                                           \
      [](void *map) { return as_map(map).memory_bytes(); },                                        \
  };

#endif
