#include <algorithm>

#include "docstore/document/path.h"
#include "docstore/document/projection_tree.h"

namespace runtime::document {

namespace {

std::unique_ptr<ProjectionNode> node_of(ProjectionNode::Action action) {
  auto node = std::make_unique<ProjectionNode>();
  node->action = action;
  return node;
}

}  // namespace

bool ProjectionNode::computes() const {
  return action == Action::compute ||
         std::ranges::any_of(children, [](const auto& child) { return child.second->computes(); });
}

std::unique_ptr<ProjectionTree> ProjectionTree::parse(std::string_view document, Dialect dialect,
                                                      CommandError* error,
                                                      const Constants* constants) {
  auto tree = std::make_unique<ProjectionTree>();
  tree->constants_ = constants;
  if (dialect == Dialect::add_fields) tree->mode_ = Mode::add;
  if (dialect != Dialect::find && is_empty(document)) {
    const bool is_project = dialect == Dialect::project;
    refuse(error, location(is_project ? 51272 : 40177),
           {"Invalid ", is_project ? "$project" : "$addFields",
            " :: caused by :: specification must have at least one field"});
    return nullptr;
  }
  if (!tree->add_all(document, "", dialect, error)) return nullptr;
  tree->constants_ = nullptr;
  if (tree->mode_ == Mode::undecided) {
    // No field has decided but the _id.
    const bool keeps_id = std::ranges::any_of(tree->root_.children, [](const auto& child) {
      return child.second->action == ProjectionNode::Action::keep;
    });
    tree->mode_ = keeps_id ? Mode::include : Mode::exclude;
  }
  const bool has_id = std::ranges::any_of(tree->root_.children,
                                          [](const auto& child) { return child.first == "_id"; });
  if (!has_id && (tree->mode_ == Mode::include || tree->drops_id_)) {
    tree->root_.children.emplace_back(
        "_id",
        node_of(tree->drops_id_ ? ProjectionNode::Action::drop : ProjectionNode::Action::keep));
  }
  return tree;
}

std::unique_ptr<ProjectionTree> ProjectionTree::parse_unset(const Value& names,
                                                            CommandError* error) {
  auto tree = std::make_unique<ProjectionTree>();
  tree->mode_ = Mode::exclude;
  if (names.type != Type::string && !names.is_array()) {
    refuse(error, location(31002),
           {"$unset specification must be a string or an array, not ", type_name(names.type)});
    return nullptr;
  }
  const auto add = [&](const Value& name) {
    if (name.type != Type::string) {
      return refuse(error, location(31120),
                    {"$unset specification must be a string or an array containing only "
                     "string values"});
    }
    return tree->insert(std::string(name.text()), node_of(ProjectionNode::Action::drop), error);
  };
  if (!names.is_array()) return add(names) ? std::move(tree) : nullptr;
  if (is_empty(names.bytes)) {
    refuse(error, location(31119),
           {"$unset specification must be a string or an array with at least one field"});
    return nullptr;
  }
  bson::Reader reader(names.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!add(Value(element))) return nullptr;
  }
  return tree;
}

bool ProjectionTree::add_all(std::string_view document, const std::string& prefix, Dialect dialect,
                             CommandError* error) {
  bson::Reader reader(document);
  bson::Element element;
  while (reader.next(&element)) {
    if (!add(element, prefix + std::string(element.key), dialect, error)) return false;
  }
  return true;
}

bool ProjectionTree::add(const bson::Element& element, const std::string& path, Dialect dialect,
                         CommandError* error) {
  const Value value(element);
  const bool is_flag = value.type == Type::boolean || value.is_number();
  if (dialect == Dialect::find && path.ends_with(".$")) {
    if (is_flag && value.is_true()) return add_position(path.substr(0, path.size() - 2), error);
    return refuse(
        error, location(31395),
        {is_flag ? "positional projection cannot be used with exclusion: "
                 : "positional projection cannot be used with an expression or sub object: ",
         path});
  }
  if (dialect == Dialect::find && path.find(".$.") != std::string::npos) {
    return refuse(error, location(31394),
                  {"As of 4.4, it's illegal to specify positional operator in the middle of a "
                   "path. Positional projection may only be used at the end, for example: a.b.$. "
                   "If the query previously used a form like a.b.$.d, remove the parts following "
                   "the '$' and the results will be equivalent: ",
                   path});
  }
  if (dialect != Dialect::add_fields && is_flag) {
    const bool keeps = value.is_true();
    if (path == "_id" && !keeps) {
      drops_id_ = true;
      return true;
    }
    if (path != "_id" && !decide(keeps ? Mode::include : Mode::exclude, path, error)) return false;
    return insert(
        path, node_of(keeps ? ProjectionNode::Action::keep : ProjectionNode::Action::drop), error);
  }
  if (value.is_document()) {
    const bson::Element first = first_element(value.bytes);
    if (first.type == kMissing && dialect != Dialect::add_fields) {
      return refuse(error, location(51270),
                    {"An empty sub-projection is not a valid value. Found empty object at "
                     "path ",
                     path});
    }
    if (first.type != kMissing && !first.key.starts_with('$'))
      return add_all(value.bytes, path + '.', dialect, error);
    const bool is_special = first.key == "$slice" || first.key == "$elemMatch";
    if (dialect == Dialect::find && is_special && count_elements(value.bytes) == 1) {
      return add_special(first, path, error);
    }
  }
  if (mode_ == Mode::exclude) {
    return refuse(
        error, location(31252),
        {"Cannot use an expression ", path, ": ", to_text(value), " in an exclusion projection"});
  }
  if (mode_ == Mode::undecided) mode_ = Mode::include;
  auto node = node_of(ProjectionNode::Action::compute);
  node->expression = ExpressionParser(error, constants_).parse(value);
  return node->expression != nullptr && insert(path, std::move(node), error);
}

bool ProjectionTree::decide(Mode wanted, const std::string& path, CommandError* error) {
  if (mode_ == Mode::undecided) mode_ = wanted;
  if (mode_ == wanted) return true;
  if (wanted == Mode::exclude) {
    return refuse(error, location(31254),
                  {"Cannot do exclusion on field ", path, " in inclusion projection"});
  }
  return refuse(error, location(31253),
                {"Cannot do inclusion on field ", path, " in exclusion projection"});
}

bool ProjectionTree::add_position(const std::string& path, CommandError* error) {
  if (is_positional_) {
    return refuse(error, location(31276),
                  {"Cannot specify more than one positional projection per query."});
  }
  is_positional_ = true;
  return decide(Mode::include, path, error) &&
         insert(path, node_of(ProjectionNode::Action::position), error);
}

bool ProjectionTree::add_special(const bson::Element& element, const std::string& path,
                                 CommandError* error) {
  const Value value(element);
  if (element.key == "$slice") return add_slice(value, path, error);
  if (!value.is_document()) {
    return refuse(
        error, location(31274),
        {"elemMatch: Invalid argument, object required, but got ", type_name(value.type)});
  }
  if (path.find('.') != std::string::npos) {
    return refuse(error, location(31275), {"Cannot use $elemMatch projection on a nested field"});
  }
  // The filter of an $elemMatch on the array.
  bson::Writer writer;
  const std::size_t root = writer.open();
  const std::size_t inner = writer.open(Type::document, "a");
  write(writer, "$elemMatch", value);
  writer.close(inner);
  writer.close(root);
  auto node = node_of(ProjectionNode::Action::element);
  node->filter = Filter::parse(writer.bytes(), error);
  return node->filter && decide(Mode::include, path, error) && insert(path, std::move(node), error);
}

bool ProjectionTree::add_slice(const Value& value, const std::string& path, CommandError* error) {
  std::vector<std::int64_t> numbers;
  const auto add = [&](const Value& each) {
    const std::optional<std::int64_t> whole = each.is_number() ? each.whole_number() : std::nullopt;
    if (!whole || *whole > 0x7fffffff || *whole < -0x7fffffff) {
      return refuse(error, location(28667),
                    {"Invalid $slice syntax: a 32-bit integer is wanted, not ", to_text(each)});
    }
    numbers.push_back(*whole);
    return true;
  };
  if (!value.is_array()) {
    if (!add(value)) return false;
  } else {
    bson::Reader reader(value.bytes);
    bson::Element element;
    while (reader.next(&element)) {
      if (!add(Value(element))) return false;
    }
    if (numbers.size() != 2 || numbers[1] <= 0) {
      return refuse(error, location(28724),
                    {"$slice takes [skip, limit], where limit is above 0, not ", to_text(value)});
    }
  }
  auto node = node_of(ProjectionNode::Action::slice);
  if (numbers.size() == 2) {
    node->skip = numbers[0];
    node->count = numbers[1];
  } else {
    node->skip = numbers[0] < 0 ? numbers[0] : 0;
    node->count = numbers[0] < 0 ? -numbers[0] : numbers[0];
  }
  return insert(path, std::move(node), error);
}

bool ProjectionTree::insert(const std::string& text, std::unique_ptr<ProjectionNode> node,
                            CommandError* error) {
  const Path path(text);
  ProjectionNode* at = &root_;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i].empty()) {
      return refuse(error, location(text.empty() ? 40352 : 15998),
                    {"FieldPath field names may not be empty strings: '", text, "'"});
    }
    if (path[i].starts_with('$')) {
      return refuse(error, location(16410),
                    {"FieldPath field names may not start with '$': ", text});
    }
    if (at != &root_ && at->action != ProjectionNode::Action::inside) {
      return refuse(error, location(31249),
                    {"Path collision at ", text, " remaining portion ", path[i]});
    }
    const auto found =
        std::ranges::find(at->children, path[i], [](const auto& child) { return child.first; });
    const bool is_last = i + 1 == path.size();
    if (found != at->children.end()) {
      if (is_last) return refuse(error, location(31250), {"Path collision at ", text});
      at = found->second.get();
      continue;
    }
    at->children.emplace_back(path[i],
                              is_last ? std::move(node) : node_of(ProjectionNode::Action::inside));
    at = at->children.back().second.get();
  }
  return true;
}

}  // namespace runtime::document
