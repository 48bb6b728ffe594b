// $unwind.
#include "docstore/document/each_stage.h"
#include "docstore/document/node.h"
#include "docstore/document/path.h"

namespace runtime::document {

namespace {

struct Unwind {
  Path path;
  std::string index_name;
  bool keeps_empty = false;

  bool run(std::string_view document, const Clock&, Pipeline::Run& next,
           CommandError* error) const {
    const Value value = plain_value(document, path);
    if (!value.is_array() || is_empty(value.bytes)) {
      const bool is_nothing = value.is_nullish() || value.is_array();
      if (is_nothing && !keeps_empty) return true;
      return pass(document, value.is_array() ? Value() : value, !value.is_array(), -1, next, error);
    }
    bson::Reader reader(value.bytes);
    bson::Element element;
    for (std::int64_t i = 0; reader.next(&element) && next.wants_more(); ++i) {
      if (!pass(document, Value(element), false, i, next, error)) return false;
    }
    return true;
  }

  // `element` takes the place of the array; what is missing takes it away.
  bool pass(std::string_view document, const Value& element, bool as_it_is, std::int64_t index,
            Pipeline::Run& next, CommandError* error) const {
    Node root(document_value(document));
    Node* parent = &root;
    for (std::size_t i = 0; i + 1 < path.size() && parent != nullptr; ++i) {
      parent = parent->is_document() ? parent->find(path[i]) : nullptr;
    }
    if (!as_it_is && parent != nullptr) {
      const std::string& name = path[path.size() - 1];
      if (element.is_missing()) {
        std::erase_if(parent->members(),
                      [&](const Node::Member& member) { return member.name == name; });
      } else if (Node* node = parent->find(name); node != nullptr) {
        *node = Node(element);
      }
    }
    if (!index_name.empty()) {
      put_at(&root, Path(index_name),
             index < 0 ? Node(Value(Type::null, {})) : Node(OwnedValue::int64(index)));
    }
    return next.push(root.view().bytes, error);
  }
};

bool take_unwind_option(const bson::Element& element, Unwind* unwind, std::string_view* path,
                        CommandError* error) {
  const Value value(element);
  if (element.key == "path") {
    if (value.type != Type::string) {
      return refuse(
          error, location(28808),
          {"expected a string as the path for $unwind stage, got ", type_name(value.type)});
    }
    *path = value.text();
  } else if (element.key == "preserveNullAndEmptyArrays") {
    if (value.type != Type::boolean) {
      return refuse(error, location(28809),
                    {"expected a boolean for the preserveNullAndEmptyArrays option to $unwind "
                     "stage, got ",
                     type_name(value.type)});
    }
    unwind->keeps_empty = value.boolean();
  } else if (element.key == "includeArrayIndex") {
    if (value.type != Type::string || value.text().empty() || value.text().starts_with('$') ||
        value.text().find('\0') != std::string_view::npos) {
      return refuse(error, location(28810),
                    {"expected a non-empty string without '$' in front for the includeArrayIndex "
                     "option to $unwind stage, got ",
                     to_text(value)});
    }
    unwind->index_name = value.text();
  } else {
    return refuse(error, location(28811), {"unrecognized option to $unwind stage: ", element.key});
  }
  return true;
}

}  // namespace

std::unique_ptr<Stage> parse_unwind(const Value& spec, CommandError* error) {
  Unwind unwind;
  std::string_view path;
  if (spec.type == Type::string) {
    path = spec.text();
  } else if (spec.is_document()) {
    bson::Reader reader(spec.bytes);
    bson::Element element;
    while (reader.next(&element)) {
      if (!take_unwind_option(element, &unwind, &path, error)) return nullptr;
    }
  } else {
    refuse(error, location(15981),
           {"expected either a string or an object as specification for $unwind stage, got ",
            type_name(spec.type)});
    return nullptr;
  }
  if (path.empty()) {
    refuse(error, location(28812), {"no path specified to $unwind stage"});
    return nullptr;
  }
  if (!path.starts_with('$') || path.size() < 2) {
    refuse(error, location(28818),
           {"path option to $unwind stage should be prefixed with a '$': ", path});
    return nullptr;
  }
  unwind.path = Path(path.substr(1));
  return each(std::move(unwind));
}

}  // namespace runtime::document
