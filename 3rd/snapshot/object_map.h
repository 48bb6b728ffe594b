// What a snapshot found: each object, what it is, and who refers to it how.
//
// Threads: one user at a time. Order: that in which the objects were first seen.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace runtime {

class ObjectMap {
 public:
  // Notes that `parent` refers to `object`; a second reference of the same parent replaces the
  // description of the first. True: the object is new.
  bool refer(const void* object, const void* parent, std::string_view description) noexcept;

  // Says what `object`, which was referred to before, is: adds to the first line of its text.
  void describe(const void* object, std::string_view title) noexcept;

  std::size_t size() const { return objects_.size(); }
  const void* address(std::size_t i) const { return objects_[i].address; }

  // title \n, then for each parent: 0xADDRESS : description \n. `format` writes an address as text.
  // Valid until the next call.
  std::string_view text(std::size_t i, std::string (*format)(const void*)) noexcept;

 private:
  struct Object {
    const void* address;
    std::string title;
    std::vector<std::pair<const void*, std::string>> parents;
  };
  struct Edge {
    const void* object;
    const void* parent;
    bool operator==(const Edge&) const = default;
  };
  struct EdgeHash {
    std::size_t operator()(const Edge& edge) const {
      return std::hash<const void*>()(edge.object) * 31 + std::hash<const void*>()(edge.parent);
    }
  };

  std::vector<Object> objects_;
  std::unordered_map<const void*, std::size_t> index_;          // address -> place in objects_
  std::unordered_map<Edge, std::size_t, EdgeHash> edge_index_;  // -> place in parents
  std::string text_;
};

}  // namespace runtime
