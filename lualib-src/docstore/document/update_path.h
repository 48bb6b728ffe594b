// A path of an update: names, and places in arrays that are known only when a document is at hand.
//
//   a.$.b     the element that the filter matched
//   a.$[].b   each element
//   a.$[x].b  each element that the array filter x takes
//
// Threads: any, once made.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "docstore/document/error.h"

namespace runtime::document {

struct UpdateStep {
  enum class Kind { name, matched, each } kind = Kind::name;
  std::string text;    // as it was written
  std::string filter;  // of $[x]: x
};

class UpdatePath {
 public:
  static std::optional<UpdatePath> parse(std::string_view text, CommandError* error);

  const std::string& text() const { return text_; }
  const std::vector<UpdateStep>& steps() const { return steps_; }
  bool has_places() const { return has_places_; }  // a step that is no name

  // The order in which updates are done and new fields appended: numbers before names, by what they are worth.
  std::strong_ordering operator<=>(const UpdatePath& other) const;
  bool operator==(const UpdatePath& other) const { return text_ == other.text_; }

  // What paths that follow each other in that order must not do: lead to the same value, or through it, or take a value
  // for an array and for a document. Refuses with MongoDB's conflict.
  bool check_beside(const UpdatePath& next, CommandError* error) const;

 private:
  std::string text_;
  std::vector<UpdateStep> steps_;
  bool has_places_ = false;
};

}  // namespace runtime::document
