// What a projection was parsed into: a tree with the names of its paths. Also what $project, $addFields and $unset do.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "docstore/document/expression.h"
#include "docstore/document/filter.h"

namespace runtime::document {

struct ProjectionNode {
  enum class Action {
    inside,    // look at the children
    keep,      //
    drop,      //
    compute,   // the expression
    slice,     // a part of an array: `skip`, `count`
    element,   // the first element that `filter` takes
    position,  // the element that the query matched
  } action = Action::inside;
  std::vector<std::pair<std::string, std::unique_ptr<ProjectionNode>>> children = {};
  std::unique_ptr<Expression> expression = nullptr;
  std::int64_t skip = 0, count = 0;  // below 0: from the end
  std::optional<Filter> filter = {};

  bool computes() const;
};

class ProjectionTree {
 public:
  enum class Dialect { find, project, add_fields };
  // Null: refused.
  static std::unique_ptr<ProjectionTree> parse(std::string_view document, Dialect dialect,
                                               CommandError* error,
                                               const Constants* constants = nullptr);
  // {$unset: ["a", "b.c"]}
  static std::unique_ptr<ProjectionTree> parse_unset(const Value& names, CommandError* error);

  bool is_positional() const { return is_positional_; }
  bool apply(std::string_view document, const MatchDetails& details, const Clock& clock,
             std::string* out, CommandError* error) const;

 private:
  friend class ProjectionRun;
  enum class Mode { undecided, include, exclude, add };

  bool add_all(std::string_view document, const std::string& prefix, Dialect dialect,
               CommandError* error);
  bool add(const bson::Element& element, const std::string& path, Dialect dialect,
           CommandError* error);
  bool add_special(const bson::Element& element, const std::string& path, CommandError* error);
  bool add_slice(const Value& value, const std::string& path, CommandError* error);
  bool add_position(const std::string& path, CommandError* error);
  bool decide(Mode wanted, const std::string& path, CommandError* error);
  bool insert(const std::string& path, std::unique_ptr<ProjectionNode> node, CommandError* error);

  Mode mode_ = Mode::undecided;
  bool drops_id_ = false;
  bool is_positional_ = false;
  const Constants* constants_ = nullptr;  // while it is parsed
  ProjectionNode root_;
};

}  // namespace runtime::document
