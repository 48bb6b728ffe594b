// The $sort of $push: 1 or -1 for whole elements, or fields of elements that are documents.
#pragma once

#include <optional>
#include <vector>

#include "docstore/document/node.h"
#include "docstore/document/sort.h"

namespace runtime::document {

class PushOrder {
 public:
  static std::optional<PushOrder> parse(const Value& value, CommandError* error);
  // Keeps the order of what is equal.
  void sort(std::vector<Node::Member>* members) const;

 private:
  std::string key(Node* node) const;

  std::optional<SortPattern> fields_;
  Direction direction_ = Direction::ascending;
};

}  // namespace runtime::document
