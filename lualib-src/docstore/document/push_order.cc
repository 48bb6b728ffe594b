#include "docstore/document/push_order.h"

#include <algorithm>

namespace runtime::document {

std::optional<PushOrder> PushOrder::parse(const Value& value, CommandError* error) {
  PushOrder order;
  const std::optional<std::int64_t> number =
      value.is_number() ? value.whole_number() : std::nullopt;
  if (number && (*number == 1 || *number == -1)) {
    order.direction_ = *number == 1 ? Direction::ascending : Direction::descending;
    return order;
  }
  if (value.is_document()) {
    if (is_empty(value.bytes)) {
      refuse(error, Code::bad_value,
             {"The $sort pattern is empty when it should be a set of fields."});
      return {};
    }
    order.fields_ = SortPattern::parse(value.bytes, error);
    if (!order.fields_) {
      error->code = Code::bad_value;  // what is wrong has numbers of its own only in a query
      return {};
    }
    return order;
  }
  refuse(error, Code::bad_value,
         {"The $sort is invalid: use 1/-1 to sort the whole element, or {field:1/-1} to sort "
          "embedded fields"});
  return {};
}

std::string PushOrder::key(Node* node) const {
  const Value value = node->view();
  if (fields_) {
    constexpr std::string_view kNoFields("\5\0\0\0\0", 5);
    return fields_->key(value.is_document() ? value.bytes : kNoFields);
  }
  std::string out;
  append_key(value, direction_, &out);
  return out;
}

void PushOrder::sort(std::vector<Node::Member>* members) const {
  std::vector<std::pair<std::string, Node::Member>> keyed;
  keyed.reserve(members->size());
  for (Node::Member& member : *members) {
    std::string order = key(&member.node);
    keyed.emplace_back(std::move(order), std::move(member));
  }
  std::ranges::stable_sort(keyed, {}, &std::pair<std::string, Node::Member>::first);
  members->clear();
  for (auto& [order, member] : keyed) members->push_back(std::move(member));
}

}  // namespace runtime::document
