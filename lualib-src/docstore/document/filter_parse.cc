#include "docstore/document/filter_parse.h"

#include "docstore/document/filter_arrays.h"
#include "docstore/document/filter_expression.h"

namespace runtime::document {

namespace {

std::unique_ptr<FilterNode> at(const Path& path, std::unique_ptr<ValueTest> test) {
  return std::make_unique<AtPath>(path, std::move(test));
}

std::unique_ptr<FilterNode> none_of(std::unique_ptr<FilterNode> node) {
  FilterNodes nodes;
  nodes.push_back(std::move(node));
  return std::make_unique<NoneOf>(std::move(nodes));
}

void add(FilterNodes* out, std::unique_ptr<FilterNode> node, bool negated = false) {
  out->push_back(negated ? none_of(std::move(node)) : std::move(node));
}

bool is_reference(std::string_view key) { return key == "$ref" || key == "$id" || key == "$db"; }

// Whether a document is operators, not a value to be equal to.
bool has_operators(const Value& value) {
  if (!value.is_document()) return false;
  const std::string_view key = first_element(value.bytes).key;
  return key.starts_with('$') && !is_reference(key);
}

}  // namespace

std::unique_ptr<AllOf> FilterParser::document(std::string_view bytes) {
  FilterNodes nodes;
  bson::Reader reader(bytes);
  bson::Element element;
  while (reader.next(&element)) {
    const bool is_logical = element.key.starts_with('$') && !is_reference(element.key);
    if (!(is_logical ? add_logical(element, &nodes) : add_field(element, &nodes))) return nullptr;
  }
  return std::make_unique<AllOf>(std::move(nodes));
}

bool FilterParser::add_logical(const bson::Element& element, FilterNodes* out) {
  if (element.key == "$comment") return true;
  if (element.key == "$expr") {
    if (!takes_expressions_)
      return refuse(Code::bad_value, {"$expr can only be applied to the top-level document"});
    std::unique_ptr<FilterNode> node = parse_expression_filter(Value(element), constants_, error_);
    if (node == nullptr) return false;
    out->push_back(std::move(node));
    return true;
  }
  if (element.key != "$and" && element.key != "$or" && element.key != "$nor") {
    return refuse(Code::bad_value,
                  {"unknown top level operator: ", element.key,
                   ". If you have a field name that starts with a '$' symbol, consider using "
                   "$getField or $setField."});
  }
  return add_branches(element, out);
}

bool FilterParser::add_branches(const bson::Element& element, FilterNodes* out) {
  if (element.type != Type::array)
    return refuse(Code::bad_value, {element.key, " must be an array"});
  if (is_empty(element.value)) {
    return refuse(Code::bad_value, {"$and/$or/$nor must be a nonempty array"});
  }
  FilterNodes branches;
  bson::Reader reader(element.value);
  bson::Element each;
  while (reader.next(&each)) {
    if (each.type != Type::document) {
      return refuse(Code::bad_value, {"$or/$and/$nor entries need to be full objects"});
    }
    std::unique_ptr<AllOf> branch = document(each.value);
    if (branch == nullptr) return false;
    branches.push_back(std::move(branch));
  }
  if (element.key == "$and") {
    add(out, std::make_unique<AllOf>(std::move(branches)));
  } else if (element.key == "$or") {
    add(out, std::make_unique<AnyOf>(std::move(branches)));
  } else {
    add(out, std::make_unique<NoneOf>(std::move(branches)));
  }
  return true;
}

bool FilterParser::path_of(std::string_view key, Path* path) {
  if (names_ == Names::fields) {
    *path = Path(key);
    return true;
  }
  const std::size_t dot = key.find('.');
  const std::string_view name = key.substr(0, dot);
  if (name_.empty()) name_ = name;
  if (name != name_) {
    return refuse(Code::failed_to_parse,
                  {"Error parsing array filter :: caused by :: Expected a single "
                   "top-level field name, found '",
                   name_, "' and '", name, "'"});
  }
  *path = dot == std::string_view::npos ? Path() : Path(key.substr(dot + 1));
  return true;
}

bool FilterParser::add_field(const bson::Element& element, FilterNodes* out) {
  Path path;
  if (!path_of(element.key, &path)) return false;
  const Value value(element);
  if (has_operators(value)) {
    std::unique_ptr<AllOf> all = operators(path, value.bytes);
    if (all == nullptr) return false;
    out->push_back(std::move(all));
    return true;
  }
  if (value.type == Type::regex) {
    const bson::Regex parts = bson::regex_of(element);
    std::unique_ptr<RegexTest> test = regex(parts.pattern, parts.options);
    if (test == nullptr) return false;
    add(out, at(path, std::move(test)));
    return true;
  }
  return add_comparison(path, element, Relation::equal, false, out);
}

std::unique_ptr<AllOf> FilterParser::operators(const Path& path, std::string_view bytes) {
  FilterNodes nodes;
  bson::Reader reader(bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!add_operator(path, element, bytes, &nodes)) return nullptr;
  }
  return std::make_unique<AllOf>(std::move(nodes));
}

bool FilterParser::add_operator(const Path& path, const bson::Element& element,
                                std::string_view siblings, FilterNodes* out) {
  const std::string_view name = element.key;
  if (name == "$eq") return add_comparison(path, element, Relation::equal, false, out);
  if (name == "$ne") return add_comparison(path, element, Relation::equal, true, out);
  if (name == "$gt") return add_comparison(path, element, Relation::greater, false, out);
  if (name == "$gte") return add_comparison(path, element, Relation::greater_or_equal, false, out);
  if (name == "$lt") return add_comparison(path, element, Relation::less, false, out);
  if (name == "$lte") return add_comparison(path, element, Relation::less_or_equal, false, out);
  if (name == "$in") return add_in(path, element, false, out);
  if (name == "$nin") return add_in(path, element, true, out);
  if (name == "$not") return add_not(path, element, out);
  if (name == "$all") return add_all(path, element, out);
  if (name == "$size") return add_size(path, element, out);
  if (name == "$type") return add_type(path, element, out);
  if (name == "$mod") return add_mod(path, element, out);
  if (name == "$regex") return add_regex(path, element, siblings, out);
  if (name == "$elemMatch") return add_element(path, element, out);
  if (name == "$bitsAllSet") return add_bits(path, element, Bits::Want::all_set, out);
  if (name == "$bitsAllClear") return add_bits(path, element, Bits::Want::all_clear, out);
  if (name == "$bitsAnySet") return add_bits(path, element, Bits::Want::any_set, out);
  if (name == "$bitsAnyClear") return add_bits(path, element, Bits::Want::any_clear, out);
  if (name == "$exists") {
    add(out, at(path, std::make_unique<Exists>()), !Value(element).is_true());
    return true;
  }
  if (name == "$options") {
    if (!field(siblings, "$regex").is_missing()) return true;
    return refuse(Code::bad_value, {"$options needs a $regex"});
  }
  if (name == "$comment") return true;
  return refuse(Code::bad_value, {"unknown operator: ", name});
}

bool FilterParser::add_comparison(const Path& path, const bson::Element& element, Relation relation,
                                  bool negated, FilterNodes* out) {
  if (element.type == Type::regex && (relation != Relation::equal || negated)) {
    return refuse(Code::bad_value, {"Can't have regex as arg to ", element.key, "."});
  }
  add(out, at(path, std::make_unique<Comparison>(relation, Value(element))), negated);
  return true;
}

bool FilterParser::add_not(const Path& path, const bson::Element& element, FilterNodes* out) {
  if (element.type == Type::regex) {
    const bson::Regex parts = bson::regex_of(element);
    std::unique_ptr<RegexTest> test = regex(parts.pattern, parts.options);
    if (test == nullptr) return false;
    add(out, at(path, std::move(test)), true);
    return true;
  }
  if (element.type != Type::document) {
    return refuse(Code::bad_value, {"$not needs a regex or a document"});
  }
  if (is_empty(element.value)) return refuse(Code::bad_value, {"$not cannot be empty"});
  std::unique_ptr<AllOf> inner = operators(path, element.value);
  if (inner == nullptr) return false;
  add(out, std::move(inner), true);
  return true;
}

bool FilterParser::add_in(const Path& path, const bson::Element& element, bool negated,
                          FilterNodes* out) {
  if (element.type != Type::array) return refuse(Code::bad_value, {element.key, " needs an array"});
  auto test = std::make_unique<OneOf>();
  bson::Reader reader(element.value);
  bson::Element each;
  while (reader.next(&each)) {
    if (has_operators(Value(each)))
      return refuse(Code::bad_value, {"cannot nest $ under ", element.key});
    if (each.type == Type::regex) {
      const bson::Regex parts = bson::regex_of(each);
      std::unique_ptr<RegexTest> inner = regex(parts.pattern, parts.options);
      if (inner == nullptr) return false;
      test->add(std::move(inner));
    } else {
      test->add(Value(each));
    }
  }
  add(out, at(path, std::move(test)), negated);
  return true;
}

bool FilterParser::add_all(const Path& path, const bson::Element& element, FilterNodes* out) {
  if (element.type != Type::array) return refuse(Code::bad_value, {"$all needs an array"});
  FilterNodes nodes;
  const bson::Element first = first_element(element.value);
  const bool is_elements =
      first.type == Type::document && first_element(first.value).key == "$elemMatch";
  bson::Reader reader(element.value);
  bson::Element each;
  while (reader.next(&each)) {
    if (is_elements) {
      const bson::Element inner =
          each.type == Type::document ? first_element(each.value) : bson::Element{kMissing, {}, {}};
      if (inner.key != "$elemMatch" || count_elements(each.value) != 1) {
        return refuse(Code::bad_value, {"$all/$elemMatch has to be consistent"});
      }
      if (!add_element(path, inner, &nodes)) return false;
    } else if (has_operators(Value(each))) {
      return refuse(Code::bad_value, {"no $ expressions in $all"});
    } else if (each.type == Type::regex) {
      const bson::Regex parts = bson::regex_of(each);
      std::unique_ptr<RegexTest> test = regex(parts.pattern, parts.options);
      if (test == nullptr) return false;
      add(&nodes, at(path, std::move(test)));
    } else if (!add_comparison(path, each, Relation::equal, false, &nodes)) {
      return false;
    }
  }
  // To have all of nothing is to have nothing.
  if (nodes.empty()) {
    nodes.push_back(none_of(std::make_unique<AllOf>(FilterNodes())));
  }
  add(out, std::make_unique<AllOf>(std::move(nodes)));
  return true;
}

bool FilterParser::add_element(const Path& path, const bson::Element& element, FilterNodes* out) {
  if (element.type != Type::document)
    return refuse(Code::bad_value, {"$elemMatch needs an Object"});
  const std::string_view key = first_element(element.value).key;
  const bool is_values = has_operators(Value(element)) && key != "$and" && key != "$or" &&
                         key != "$nor" && key != "$expr";
  FilterParser inner(Names::fields, error_);
  std::unique_ptr<AllOf> filter =
      is_values ? inner.operators(Path(), element.value) : inner.document(element.value);
  if (filter == nullptr) return false;
  const auto of = is_values ? HasElement::Of::values : HasElement::Of::documents;
  add(out, at(path, std::make_unique<HasElement>(of, std::move(filter))));
  return true;
}

}  // namespace runtime::document
