// Dotted paths, "a.b.0.c", and what they lead to in a document.
//
// Threads: any, once made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/value.h"

namespace runtime::document {

// An index of an array: digits without a needless zero. Nothing for other names and for what no array can have.
std::optional<std::uint32_t> array_index(std::string_view name);

class Path {
 public:
  Path() = default;  // of no names: the value itself
  explicit Path(std::string_view text);

  const std::string& text() const { return text_; }
  std::size_t size() const { return names_.size(); }
  bool empty() const { return names_.empty(); }
  const std::string& operator[](std::size_t i) const { return names_[i]; }
  bool has_number() const { return has_number_; }
  // Equal, or the beginning of the other one.
  bool is_prefix_of(const Path& other) const;

 private:
  std::string text_;
  std::vector<std::string> names_;
  bool has_number_ = false;
};

enum class Leaf {
  expand,  // an array at the end: each element, then the array itself
  whole,   // the array itself
};

// Where a value was met: `element` is the index in the outermost array on the way, or -1.
struct Met {
  Value value;
  std::int64_t element = -1;
};

// Follows `path` as filters do: through documents, and through each document in an array on the way; a number in
// the path is a field's name and also an index. Calls visit(Met) for each end, also with what is missing where a
// document on the way lacks the field; an array without documents on the way ends nowhere. True when `visit` returned
// true, which ends the walk.
//
//   {a: [{b: 5}, 3, {}, {b: [9, 11]}]}, a.b  ->  5, missing, 9, 11, [9, 11]
template <class Visit>
bool walk(const Value& root, const Path& path, Leaf leaf, Visit&& visit);

// What sort keys and $group's fields do not need: the one value that the path leads to through documents only; an
// array on the way gives what is missing.
Value plain_value(std::string_view document, const Path& path);

}  // namespace runtime::document

#include "docstore/document/path_walk.h"
