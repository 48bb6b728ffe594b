// What `$$name` stands for in a pipeline before it runs: the `let` of a $lookup for one document, the constants of an
// update; and in how many other pipelines it stands.
//
// Ownership: it owns the values. Parsers copy what they use.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docstore/document/error.h"
#include "docstore/document/value.h"

namespace runtime::document {

class Constants {
 public:
  void set(std::string_view name, OwnedValue value) {
    if (OwnedValue* const old = find(name)) {
      *old = std::move(value);
    } else {
      values_.emplace_back(name, std::move(value));
    }
  }
  // Null: there is none of that name. What is missing is a value like others.
  const OwnedValue* find(std::string_view name) const {
    return const_cast<Constants*>(this)->find(name);
  }

  int depth() const { return depth_; }
  void go_deeper() { ++depth_; }

 private:
  OwnedValue* find(std::string_view name) {
    const auto found = std::ranges::find(
        values_, name, [](const auto& each) { return std::string_view(each.first); });
    return found == values_.end() ? nullptr : &found->second;
  }

  std::vector<std::pair<std::string, OwnedValue>> values_;
  int depth_ = 0;
};

// Whether a variable may have that name: it begins with a lower letter, or a byte beyond ASCII.
bool check_variable_name(std::string_view name, CommandError* error);

}  // namespace runtime::document
