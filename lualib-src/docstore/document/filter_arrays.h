// What a filter may ask of an array as a whole.
#pragma once

#include "docstore/document/filter_node.h"

namespace runtime::document {

class HasSize : public ValueTest {
 public:
  explicit HasSize(std::int64_t size) : size_(size) {}
  bool matches(const Value& value, MatchDetails*) const override {
    return value.is_array() && static_cast<std::int64_t>(count_elements(value.bytes)) == size_;
  }
  Leaf leaf() const override { return Leaf::whole; }

 private:
  const std::int64_t size_;
};

// $elemMatch: one element fulfils all of a filter.
class HasElement : public ValueTest {
 public:
  enum class Of {
    documents,  // the filter is one of a document's fields; an array counts as a document of its elements
    values,  // it is operators
  };
  HasElement(Of of, std::unique_ptr<FilterNode> filter) : of_(of), filter_(std::move(filter)) {}
  bool matches(const Value& value, MatchDetails* details) const override;
  Leaf leaf() const override { return Leaf::whole; }
  void add_bounds(const std::string& path, std::vector<PathBound>* out) const override {
    filter_->add_bounds(path + '.', out);
  }

 private:
  const Of of_;
  const std::unique_ptr<FilterNode> filter_;
};

}  // namespace runtime::document
