// The local names of a node, without their dot: "launcher" for `.launcher`.
//
// Threads: all functions from any thread. Made for many reads and few writes.
// A name taken stays taken until its owner's names are removed. A handle may have many names, and
// need not belong to a living service: who names a dead one has spent the name.
#pragma once

#include <cstddef>
#include <functional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/message.h"

namespace runtime {

class NameTable {
 public:
  // False when the name is taken, be it by the same handle.
  bool add(std::string_view name, Handle handle);

  // 0 when nobody has the name.
  Handle find(std::string_view name) const;

  // Frees every name of `handle`. A handle without names costs one look-up.
  void remove_all(Handle handle);

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  mutable std::shared_mutex mutex_;
  // Both guarded by mutex_. The views are of the keys of handles_.
  std::unordered_map<std::string, Handle, Hash, std::equal_to<>> handles_;
  std::unordered_map<Handle, std::vector<std::string_view>> names_;
};

}  // namespace runtime
