// One application of an update to one document.
//
// First every path is made concrete: `$`, $[] and $[name] become the indexes that they mean in the document as it came.
// Then the modifiers are applied in the order of these paths.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "docstore/document/node.h"
#include "docstore/document/update_plan.h"

namespace runtime::document {

class UpdateRun {
 public:
  enum class For { existing, inserted };

  // `document` is what messages speak of.
  UpdateRun(const UpdatePlan& plan, For purpose, std::string_view document,
            const MatchDetails& details, const Clock& clock, CommandError* error);

  // False: refused.
  bool apply(Node* root);

 private:
  struct Target {
    const UpdatePath* path;  // of names alone
    const UpdatePlan::Entry* entry;
  };

  bool find_targets(Node* root);
  bool expand(const UpdatePlan::Entry& entry, Node* node, std::size_t step,
              const std::string& prefix);
  bool expand_each(const UpdatePlan::Entry& entry, Node* node, std::size_t step,
                   const std::string& prefix);
  bool check_targets();

  bool apply(const Target& target, Node* root);
  Effect go(const Target& target, Node* node, std::size_t step);
  Effect create(const Target& target, Node* parent, std::size_t step);
  Effect modify(const Target& target, Node* node, bool is_new);
  bool take_source(const UpdatePlan::Entry& entry, Node* root);

  const UpdatePlan& plan_;
  const For purpose_;
  const std::string_view document_;
  const MatchDetails& details_;
  const Clock& clock_;
  CommandError* const error_;
  std::deque<UpdatePath> concrete_;
  std::vector<Target> targets_;
  std::size_t padding_ = 0;          // nulls that were put before new elements of arrays
  std::optional<OwnedValue> moved_;  // what a $rename has taken from its source
};

}  // namespace runtime::document
