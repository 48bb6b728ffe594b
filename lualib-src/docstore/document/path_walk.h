// The walk that path.h promises.
#pragma once

#include "docstore/document/path.h"

namespace runtime::document {

namespace detail {

template <class Visit>
class Walk {
 public:
  Walk(const Path& path, Leaf leaf, Visit& visit) : path_(path), leaf_(leaf), visit_(visit) {}

  // `value` is what the first `at` names led to; `element` the index in the outermost array, or -1.
  bool go(Value value, std::size_t at, std::int64_t element) {
    while (at < path_.size()) {
      if (value.is_array()) return go_into_array(value, at, element, path_[at]);
      value = value.is_document() ? field(value.bytes, path_[at]) : Value();
      ++at;
      // What is missing is so at the end of the path, too.
      if (value.is_missing()) break;
    }
    if (!value.is_array() || leaf_ == Leaf::whole) return visit_(Met{value, element});
    bson::Reader reader(value.bytes);
    bson::Element each;
    for (std::int64_t i = 0; reader.next(&each); ++i) {
      if (visit_(Met{Value(each), outermost(element, i)})) return true;
    }
    return visit_(Met{value, element});
  }

 private:
  static std::int64_t outermost(std::int64_t element, std::int64_t here) {
    return element >= 0 ? element : here;
  }

  // A name is looked for in every document of the array; a number is that, and an index.
  bool go_into_array(const Value& array, std::size_t at, std::int64_t element,
                     std::string_view name) {
    const std::optional<std::uint32_t> wanted = array_index(name);
    bson::Reader reader(array.bytes);
    bson::Element each;
    for (std::int64_t i = 0; reader.next(&each); ++i) {
      const Value value(each);
      const std::int64_t position = outermost(element, i);
      if (value.is_document() && go(value, at, position)) return true;
      if (!wanted || *wanted != static_cast<std::uint64_t>(i)) continue;
      // The element itself is the end: an array there is not taken apart.
      if (at + 1 == path_.size() ? visit_(Met{value, position})
                                 : value.is_container() && go(value, at + 1, position)) {
        return true;
      }
    }
    return false;
  }

  const Path& path_;
  const Leaf leaf_;
  Visit& visit_;
};

}  // namespace detail

template <class Visit>
bool walk(const Value& root, const Path& path, Leaf leaf, Visit&& visit) {
  return detail::Walk<std::remove_reference_t<Visit>>(path, leaf, visit).go(root, 0, -1);
}

}  // namespace runtime::document
