#include "docstore/document/filter_node.h"

#include <algorithm>

namespace runtime::document {

bool have_expression(const FilterNodes& nodes) {
  return std::ranges::any_of(nodes, [](const auto& node) { return node->has_expression(); });
}

bool AllOf::matches(const Value& root, MatchDetails* details) const {
  const std::optional<std::uint32_t> before = details->position;
  const bool all =
      std::ranges::all_of(nodes_, [&](const auto& node) { return node->matches(root, details); });
  // What a part of it found counts for nothing then.
  if (!all) details->position = before;
  return all;
}

void AllOf::add_bounds(const std::string& prefix, std::vector<PathBound>* out) const {
  for (const auto& node : nodes_) node->add_bounds(prefix, out);
}

void AllOf::add_equalities(std::vector<Filter::Equality>* out) const {
  for (const auto& node : nodes_) node->add_equalities(out);
}

bool AnyOf::matches(const Value& root, MatchDetails* details) const {
  return std::ranges::any_of(nodes_,
                             [&](const auto& node) { return node->matches(root, details); });
}

void AnyOf::add_bounds(const std::string& prefix, std::vector<PathBound>* out) const {
  if (nodes_.size() == 1) nodes_[0]->add_bounds(prefix, out);
}

void AnyOf::add_equalities(std::vector<Filter::Equality>* out) const {
  if (nodes_.size() == 1) nodes_[0]->add_equalities(out);
}

bool NoneOf::matches(const Value& root, MatchDetails* details) const {
  // What did not match has no position.
  MatchDetails inner;
  const bool none =
      std::ranges::none_of(nodes_, [&](const auto& node) { return node->matches(root, &inner); });
  details->take_faults(&inner);
  return none;
}

bool AtPath::matches(const Value& root, MatchDetails* details) const {
  if (path_.empty()) return test_->matches(root, details);
  return walk(root, path_, test_->leaf(), [&](const Met& met) {
    if (!test_->matches(met.value, details)) return false;
    if (met.element >= 0) details->position = static_cast<std::uint32_t>(met.element);
    return true;
  });
}

void AtPath::add_bounds(const std::string& prefix, std::vector<PathBound>* out) const {
  if (path_.has_number()) return;
  // The path of an array's elements is that of the array.
  test_->add_bounds(path_.empty() ? prefix.substr(0, prefix.size() - 1) : prefix + path_.text(),
                    out);
}

void AtPath::add_equalities(std::vector<Filter::Equality>* out) const {
  const Value value = test_->equality();
  if (!value.is_missing()) out->push_back({path_.text(), OwnedValue(value)});
}

}  // namespace runtime::document
