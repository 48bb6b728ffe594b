#include "docstore/document/update_run.h"

#include <algorithm>

#include "docstore/document/path.h"

namespace runtime::document {

namespace {

// MongoDB's bound for how many nulls an index beyond the end of an array makes.
constexpr std::size_t kMostPadding = 1500000;

// The member of that name or index. Null: not there.
Node* child_of(Node* node, const std::string& name) {
  if (node->is_document()) return node->find(name);
  const std::optional<std::uint32_t> index = node->is_array() ? array_index(name) : std::nullopt;
  return index && *index < node->members().size() ? &node->members()[*index].node : nullptr;
}

std::string_view last_name(std::string_view path) { return path.substr(path.rfind('.') + 1); }

}  // namespace

UpdateRun::UpdateRun(const UpdatePlan& plan, For purpose, std::string_view document,
                     const MatchDetails& details, const Clock& clock, CommandError* error)
    : plan_(plan),
      purpose_(purpose),
      document_(document),
      details_(details),
      clock_(clock),
      error_(error) {}

bool UpdateRun::apply(Node* root) {
  if (!find_targets(root)) return false;
  return std::ranges::all_of(targets_, [&](const Target& target) { return apply(target, root); });
}

// ---- which places are meant ----

bool UpdateRun::find_targets(Node* root) {
  for (const UpdatePlan::Entry& entry : plan_.entries()) {
    const bool is_for_insert = entry.modifier != nullptr && entry.modifier->is_for_insert();
    if (is_for_insert && purpose_ != For::inserted) continue;
    if (!entry.path.has_places()) {
      targets_.push_back({&entry.path, &entry});
    } else if (!expand(entry, root, 0, "")) {
      return false;
    }
  }
  return concrete_.empty() || check_targets();
}

// `node` is what `prefix` leads to, or null.
bool UpdateRun::expand(const UpdatePlan::Entry& entry, Node* node, std::size_t step,
                       const std::string& prefix) {
  const std::vector<UpdateStep>& steps = entry.path.steps();
  if (step == steps.size()) {
    std::optional<UpdatePath> path = UpdatePath::parse(prefix, error_);
    if (!path) return false;
    concrete_.push_back(std::move(*path));
    targets_.push_back({&concrete_.back(), &entry});
    return true;
  }
  if (steps[step].kind == UpdateStep::Kind::each) return expand_each(entry, node, step, prefix);
  std::string name = steps[step].text;
  if (steps[step].kind == UpdateStep::Kind::matched) {
    if (!details_.position) {
      return refuse(error_, Code::bad_value,
                    {"The positional operator did not find the match needed from the query."});
    }
    name = std::to_string(*details_.position);
  }
  Node* const next = node == nullptr ? nullptr : child_of(node, name);
  return expand(entry, next, step + 1, prefix.empty() ? name : prefix + '.' + name);
}

bool UpdateRun::expand_each(const UpdatePlan::Entry& entry, Node* node, std::size_t step,
                            const std::string& prefix) {
  if (node == nullptr) {
    return refuse(
        error_, Code::bad_value,
        {"The path '", prefix, "' must exist in the document in order to apply array updates."});
  }
  if (!node->is_array()) {
    return refuse(error_, Code::bad_value,
                  {"Cannot apply array updates to non-array element ", last_name(prefix), ": ",
                   to_text(node->view())});
  }
  const UpdateStep& each = entry.path.steps()[step];
  const Filter* filter = each.filter.empty() ? nullptr : plan_.array_filter(each.filter);
  std::vector<Node::Member>& members = node->members();
  for (std::size_t i = 0; i < members.size(); ++i) {
    Node* const element = &members[i].node;
    MatchDetails details;
    const bool is_meant = filter == nullptr || filter->matches_value(element->view(), &details);
    if (!details.check(error_)) return false;
    if (is_meant && !expand(entry, element, step + 1, prefix + '.' + std::to_string(i)))
      return false;
  }
  return true;
}

// Paths that had places may have met.
bool UpdateRun::check_targets() {
  std::ranges::stable_sort(targets_,
                           [](const Target& a, const Target& b) { return *a.path < *b.path; });
  for (std::size_t i = 1; i < targets_.size(); ++i) {
    CommandError conflict;
    if (targets_[i - 1].path->check_beside(*targets_[i].path, &conflict)) continue;
    return refuse(error_, Code::conflicting_update_operators,
                  {"Update created a conflict at '", targets_[i].path->text(), "'"});
  }
  return true;
}

// ---- what becomes of them ----

bool UpdateRun::apply(const Target& target, Node* root) {
  if (target.entry->source) {
    if (!take_source(*target.entry, root)) return false;
    if (!moved_) return true;
  }
  return go(target, root, 0) != Effect::refused;
}

Effect UpdateRun::go(const Target& target, Node* node, std::size_t step) {
  const std::vector<UpdateStep>& steps = target.path->steps();
  const std::string& name = steps[step].text;
  const bool creates = target.entry->source || target.entry->modifier->creates();
  if (!node->is_document() && !(node->is_array() && array_index(name))) {
    if (!creates) return Effect::none;
    refuse(error_, Code::path_not_viable,
           {"Cannot create field '", name, "' in element {", step == 0 ? "" : steps[step - 1].text,
            ": ", to_text(node->view()), "}"});
    return Effect::refused;
  }
  Node* const child = child_of(node, name);
  if (child == nullptr) return creates ? create(target, node, step) : Effect::none;
  if (step + 1 < steps.size()) return go(target, child, step + 1);
  const Effect effect = modify(target, child, false);
  if (effect != Effect::removed) return effect;
  if (node->is_array()) {
    // The other elements keep their places.
    *child = Node(Value(Type::null, {}));
  } else {
    std::vector<Node::Member>& members = node->members();
    members.erase(std::ranges::find(members, name, &Node::Member::name));
  }
  return effect;
}

Effect UpdateRun::create(const Target& target, Node* parent, std::size_t step) {
  const std::vector<UpdateStep>& steps = target.path->steps();
  if (parent->is_array()) {
    const std::size_t missing = *array_index(steps[step].text) - parent->members().size();
    // Of all arrays together: each could be that long.
    padding_ += missing;
    if (padding_ > kMostPadding) {
      refuse(error_, Code::bad_value,
             {"can't backfill more than ", std::to_string(kMostPadding), " elements"});
      return Effect::refused;
    }
    for (std::size_t i = 0; i < missing; ++i) parent->append("", Node(Value(Type::null, {})));
  }
  Node* node = parent;
  for (; step + 1 < steps.size(); ++step) {
    node = &node->append(node->is_array() ? "" : steps[step].text, Node::empty(Type::document));
  }
  const std::string_view name = node->is_array() ? std::string_view() : steps[step].text;
  return modify(target, &node->append(name, Node(Value(Type::null, {}))), true);
}

Effect UpdateRun::modify(const Target& target, Node* node, bool is_new) {
  if (target.entry->source) {
    *node = Node(std::move(*moved_));
    moved_.reset();
    return Effect::changed;
  }
  const Circumstances at{clock_, document_, error_, target.path->steps().back().text};
  return is_new ? target.entry->modifier->make(node, at) : target.entry->modifier->change(node, at);
}

bool UpdateRun::take_source(const UpdatePlan::Entry& entry, Node* root) {
  moved_.reset();
  Node* parent = root;
  const std::vector<UpdateStep>& steps = entry.source->steps();
  const auto refuse_array = [&](std::string_view which, const std::string& path) {
    return refuse(error_, Code::bad_value,
                  {"The ", which, " field cannot be an array element, '", path, "' in doc with ",
                   Circumstances{clock_, document_, error_, {}}.id_text(),
                   " has an array field called '", path.substr(0, path.find('.')), "'"});
  };
  // Neither path may go through an array.
  const auto meets_array = [&](const std::vector<UpdateStep>& path) {
    Node* node = root;
    for (std::size_t i = 0; i < path.size() && node != nullptr; ++i) {
      if (node->is_array()) return true;
      node = node->is_document() ? node->find(path[i].text) : nullptr;
    }
    return false;
  };
  if (meets_array(steps)) return refuse_array("source", entry.source->text());
  for (std::size_t i = 0; i + 1 < steps.size(); ++i) {
    parent = parent->is_document() ? parent->find(steps[i].text) : nullptr;
    if (parent == nullptr) return true;
  }
  if (!parent->is_document()) return true;
  std::vector<Node::Member>& members = parent->members();
  const auto found = std::ranges::find(members, steps.back().text, &Node::Member::name);
  if (found == members.end()) return true;
  if (meets_array(entry.path.steps())) return refuse_array("destination", entry.path.text());
  moved_ = OwnedValue(found->node.view());
  members.erase(found);
  return true;
}

}  // namespace runtime::document
