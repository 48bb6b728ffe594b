#include "docstore/document/expression.h"

#include <algorithm>

#include "docstore/document/constants.h"
#include "docstore/document/path.h"

namespace runtime::document {

namespace {

class Literal : public Expression {
 public:
  explicit Literal(const Value& value) : value_(value) {}
  bool evaluate(Scope&, OwnedValue* out, CommandError*) const override {
    *out = value_;
    return true;
  }

 private:
  const OwnedValue value_;
};

// What a path leads to from the name `at` on: of an array, what it leads to in each of its documents.
OwnedValue look_up(const Value& value, const Path& path, std::size_t at) {
  if (at == path.size()) return OwnedValue(value);
  if (value.is_document()) return look_up(field(value.bytes, path[at]), path, at + 1);
  if (!value.is_array()) return {};
  bson::Writer writer;
  const std::size_t opened = writer.open();
  bson::ArrayKey index;
  bson::Reader reader(value.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    const OwnedValue each = look_up(Value(element), path, at);
    if (!each.view().is_missing()) write(writer, index.next(), each.view());
  }
  writer.close(opened);
  return OwnedValue::written(Type::array, writer);
}

class FieldPath : public Expression {
 public:
  FieldPath(std::string_view variable, const Path& path) : variable_(variable), path_(path) {}

  bool evaluate(Scope& scope, OwnedValue* out, CommandError*) const override {
    if (variable_ == "NOW") {
      *out = OwnedValue::date(scope.clock.ms);
      return true;
    }
    if (variable_ == "REMOVE") {
      *out = {};
      return true;
    }
    Value value = scope.root;
    if (variable_ != "ROOT" && variable_ != "CURRENT") {
      const auto found = std::find_if(scope.variables.rbegin(), scope.variables.rend(),
                                      [&](const auto& each) { return each.first == variable_; });
      value = found == scope.variables.rend() ? Value() : found->second;
    }
    *out = look_up(value, path_, 0);
    return true;
  }

 private:
  const std::string variable_;
  const Path path_;
};

class OfConstant : public Expression {
 public:
  OfConstant(const OwnedValue& constant, const Path& path)
      : value_(look_up(constant.view(), path, 0)) {}
  bool evaluate(Scope&, OwnedValue* out, CommandError*) const override {
    *out = value_;
    return true;
  }

 private:
  const OwnedValue value_;
};

class NewDocument : public Expression {
 public:
  void add(std::string_view name, std::unique_ptr<Expression> value) {
    fields_.emplace_back(name, std::move(value));
  }
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    bson::Writer writer;
    const std::size_t root = writer.open();
    for (const auto& [name, value] : fields_) {
      OwnedValue each;
      if (!value->evaluate(scope, &each, error)) return false;
      write(writer, name, each.view());
      if (!check_made_bytes(writer.bytes().size(), error)) return false;
    }
    writer.close(root);
    *out = OwnedValue::written(Type::document, writer);
    return check_made(*out, error);
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Expression>>> fields_;
};

class NewArray : public Expression {
 public:
  explicit NewArray(Expressions elements) : elements_(std::move(elements)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    bson::Writer writer;
    const std::size_t root = writer.open();
    bson::ArrayKey index;
    for (const auto& element : elements_) {
      OwnedValue each;
      if (!element->evaluate(scope, &each, error)) return false;
      // An array has no gaps.
      const bool is_missing = each.view().is_missing();
      write(writer, index.next(), is_missing ? Value(Type::null, {}) : each.view());
      if (!check_made_bytes(writer.bytes().size(), error)) return false;
    }
    writer.close(root);
    *out = OwnedValue::written(Type::array, writer);
    return check_made(*out, error);
  }

 private:
  const Expressions elements_;
};

// A call may have so many of the largest values at once.
constexpr std::size_t kMostArguments = 4;

class Call : public Expression {
 public:
  Call(const FunctionEntry& entry, Expressions arguments)
      : entry_(entry), arguments_(std::move(arguments)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    std::vector<OwnedValue> values(arguments_.size());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!arguments_[i]->evaluate(scope, &values[i], error)) return false;
      bytes += values[i].bytes().size();
      if (!check_made_bytes(bytes / kMostArguments, error)) return false;
    }
    *out = {};
    return entry_.function(entry_.name, values, out, error);
  }

 private:
  const FunctionEntry& entry_;
  const Expressions arguments_;
};

std::unique_ptr<Expression> of_path(std::string_view variable, const OwnedValue* constant,
                                    const Path& path) {
  if (constant != nullptr) return std::make_unique<OfConstant>(*constant, path);
  return std::make_unique<FieldPath>(variable, path);
}

const FunctionEntry* find_function(std::string_view name) {
  for (const auto functions : {number_functions(), text_functions(), search_functions(),
                               array_functions(), set_functions(), convert_functions()}) {
    for (const FunctionEntry& entry : functions) {
      if (entry.name == name) return &entry;
    }
  }
  return nullptr;
}

}  // namespace

bool check_made_bytes(std::size_t bytes, CommandError* error) {
  if (bytes <= kLargestStoredBytes) return true;
  return refuse(error, Code::object_too_large,
                {"an expression made a value of ", std::to_string(bytes),
                 " bytes; a document has at most ", std::to_string(kLargestStoredBytes)});
}

bool check_made(const OwnedValue& value, CommandError* error) {
  if (!check_made_bytes(value.bytes().size(), error)) return false;
  if (!value.view().is_container()) return true;
  if (bson::check(value.bytes(), kLargestMessageDepth).fault == bson::Fault::none) return true;
  return refuse(error, Code::overflow,
                {"an expression made a value that is deeper than ",
                 std::to_string(kLargestMessageDepth), " documents"});
}

std::unique_ptr<Expression> ExpressionParser::parse(const Value& value) {
  if (value.type == Type::string && value.text().starts_with('$')) return parse_text(value);
  if (value.is_document()) return parse_document(value);
  if (value.is_array()) return parse_array(value);
  return std::make_unique<Literal>(value);
}

bool ExpressionParser::parse_arguments(const Value& value, Expressions* out) {
  const auto add = [&](const Value& each) {
    out->push_back(parse(each));
    return out->back() != nullptr;
  };
  if (!value.is_array()) return add(value);
  bson::Reader reader(value.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!add(Value(element))) return false;
  }
  return true;
}

std::unique_ptr<Expression> ExpressionParser::parse_text(const Value& value) {
  std::string_view text = value.text().substr(1);
  std::string_view variable = "CURRENT";
  const OwnedValue* constant = nullptr;
  if (text.starts_with('$')) {
    text.remove_prefix(1);
    const std::size_t dot = text.find('.');
    variable = text.substr(0, dot);
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    const bool is_known = variable == "ROOT" || variable == "CURRENT" || variable == "NOW" ||
                          variable == "REMOVE" ||
                          std::ranges::find(variables_, variable) != variables_.end();
    if (!is_known && constants_ != nullptr) constant = constants_->find(variable);
    if (!is_known && constant == nullptr) {
      refuse(location(17276), {"Use of undefined variable: ", variable});
      return nullptr;
    }
    if (dot == std::string_view::npos) return of_path(variable, constant, Path());
  }
  if (text.empty()) {
    refuse(location(16872), {"'$' by itself is not a valid FieldPath"});
    return nullptr;
  }
  const Path path(text);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i].empty()) {
      refuse(location(15998), {"FieldPath field names may not be empty strings."});
      return nullptr;
    }
    if (path[i].starts_with('$')) {
      refuse(location(16410), {"FieldPath field names may not start with '$'. Consider using "
                               "$getField or $setField."});
      return nullptr;
    }
    if (path[i].find('\0') != std::string::npos) {
      refuse(location(16411), {"FieldPath field names may not contain '\\0'."});
      return nullptr;
    }
  }
  return of_path(variable, constant, path);
}

std::unique_ptr<Expression> ExpressionParser::parse_array(const Value& value) {
  Expressions elements;
  if (!parse_arguments(value, &elements)) return nullptr;
  return std::make_unique<NewArray>(std::move(elements));
}

std::unique_ptr<Expression> ExpressionParser::parse_document(const Value& value) {
  const bson::Element first = first_element(value.bytes);
  if (first.key.starts_with('$')) {
    if (count_elements(value.bytes) == 1) return parse_operator(first);
    refuse(location(15983),
           {"an object representing an expression must have exactly one field: ", to_text(value)});
    return nullptr;
  }
  auto document = std::make_unique<NewDocument>();
  bson::Reader reader(value.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key.starts_with('$')) {
      refuse(location(16410), {"FieldPath field names may not start with '$': ", element.key});
      return nullptr;
    }
    if (element.key.find('.') != std::string_view::npos) {
      refuse(location(16412), {"FieldPath field names may not contain '.': ", element.key});
      return nullptr;
    }
    std::unique_ptr<Expression> each = parse(Value(element));
    if (each == nullptr) return nullptr;
    document->add(element.key, std::move(each));
  }
  return document;
}

std::unique_ptr<Expression> ExpressionParser::parse_operator(const bson::Element& element) {
  const std::string_view name = element.key;
  if (name == "$literal" || name == "$const") return std::make_unique<Literal>(Value(element));
  bool is_known = false;
  std::unique_ptr<Expression> special = parse_logic(element, *this, &is_known);
  if (!is_known) special = parse_loop(element, *this, &is_known);
  if (is_known) return special;
  const FunctionEntry* entry = find_function(name);
  if (entry == nullptr) {
    refuse(Code::invalid_pipeline_operator, {"Unrecognized expression '", name, "'"});
    return nullptr;
  }
  Expressions arguments;
  if (!parse_arguments(Value(element), &arguments)) return nullptr;
  if (arguments.size() < entry->least || arguments.size() > entry->most) {
    const bool is_fixed = entry->least == entry->most;
    refuse(location(is_fixed ? 16020 : 28667),
           {"Expression ", name, is_fixed ? " takes exactly " : " takes at least ",
            std::to_string(entry->least), is_fixed ? "" : " arguments, and at most ",
            is_fixed ? "" : std::to_string(entry->most), " arguments. ",
            std::to_string(arguments.size()), " were passed in."});
    return nullptr;
  }
  return std::make_unique<Call>(*entry, std::move(arguments));
}

}  // namespace runtime::document
