// Operators with variables: $map $filter $reduce $let.
#include "docstore/document/constants.h"
#include "docstore/document/expression.h"

namespace runtime::document {

namespace {

bool refuse_no_array(std::string_view name, const Value& value, std::int32_t code,
                     CommandError* error) {
  return refuse(error, location(code),
                {"input to ", name, " must be an array not ", type_name(value.type)});
}

class Loop : public Expression {
 public:
  Loop(bool filters, std::string_view variable, std::unique_ptr<Expression> input,
       std::unique_ptr<Expression> body)
      : filters_(filters), variable_(variable), input_(std::move(input)), body_(std::move(body)) {}

  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    OwnedValue input;
    if (!input_->evaluate(scope, &input, error)) return false;
    if (input.view().is_nullish()) {
      *out = OwnedValue::null();
      return true;
    }
    if (!input.view().is_array()) {
      return refuse_no_array(filters_ ? "$filter" : "$map", input.view(), filters_ ? 28651 : 16883,
                             error);
    }
    bson::Writer writer;
    const std::size_t root = writer.open();
    bson::ArrayKey index;
    bson::Reader reader(input.bytes());
    bson::Element element;
    while (reader.next(&element)) {
      OwnedValue result;
      scope.variables.emplace_back(variable_, Value(element));
      const bool is_done = body_->evaluate(scope, &result, error);
      scope.variables.pop_back();
      if (!is_done) return false;
      if (!filters_) {
        const bool is_missing = result.view().is_missing();
        write(writer, index.next(), is_missing ? Value(Type::null, {}) : result.view());
        if (!check_made_bytes(writer.bytes().size(), error)) return false;
      } else if (result.view().is_true()) {
        write(writer, index.next(), Value(element));
      }
    }
    writer.close(root);
    *out = OwnedValue::written(Type::array, writer);
    return check_made(*out, error);
  }

 private:
  const bool filters_;
  const std::string variable_;
  const std::unique_ptr<Expression> input_, body_;
};

class Reduce : public Expression {
 public:
  Reduce(std::unique_ptr<Expression> input, std::unique_ptr<Expression> initial,
         std::unique_ptr<Expression> body)
      : input_(std::move(input)), initial_(std::move(initial)), body_(std::move(body)) {}

  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    OwnedValue input, value;
    if (!input_->evaluate(scope, &input, error)) return false;
    if (input.view().is_nullish()) {
      *out = OwnedValue::null();
      return true;
    }
    if (!input.view().is_array()) return refuse_no_array("$reduce", input.view(), 40080, error);
    if (!initial_->evaluate(scope, &value, error)) return false;
    bson::Reader reader(input.bytes());
    bson::Element element;
    while (reader.next(&element)) {
      OwnedValue next;
      scope.variables.emplace_back("value", value.view());
      scope.variables.emplace_back("this", Value(element));
      const bool is_done = body_->evaluate(scope, &next, error);
      scope.variables.resize(scope.variables.size() - 2);
      if (!is_done || !check_made(next, error)) return false;
      value = std::move(next);
    }
    *out = std::move(value);
    return true;
  }

 private:
  const std::unique_ptr<Expression> input_, initial_, body_;
};

class Let : public Expression {
 public:
  struct Variable {
    std::string name;
    std::unique_ptr<Expression> value;
  };
  Let(std::vector<Variable> variables, std::unique_ptr<Expression> body)
      : variables_(std::move(variables)), body_(std::move(body)) {}

  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    std::vector<OwnedValue> values(variables_.size());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!variables_[i].value->evaluate(scope, &values[i], error)) return false;
      bytes += values[i].bytes().size();
      if (!check_made_bytes(bytes, error)) return false;
    }
    const std::size_t outer = scope.variables.size();
    for (std::size_t i = 0; i < values.size(); ++i) {
      scope.variables.emplace_back(variables_[i].name, values[i].view());
    }
    const bool is_done = body_->evaluate(scope, out, error);
    scope.variables.resize(outer);
    return is_done;
  }

 private:
  const std::vector<Variable> variables_;
  const std::unique_ptr<Expression> body_;
};

// The fields of an operator's document: exactly `names`, those from `least` on may be missing.
bool take_fields(const bson::Element& element, std::initializer_list<std::string_view> names,
                 std::size_t least, ExpressionParser& parser, std::vector<Value>* out) {
  if (element.type != Type::document) {
    return parser.refuse(
        Code::failed_to_parse,
        {element.key, " only supports an object as its argument, not ", type_name(element.type)});
  }
  out->assign(names.size(), {});
  bson::Reader reader(element.value);
  bson::Element part;
  while (reader.next(&part)) {
    std::size_t i = 0;
    for (const std::string_view name : names) {
      if (name == part.key) break;
      ++i;
    }
    if (i == names.size()) {
      return parser.refuse(Code::failed_to_parse,
                           {"Unrecognized parameter to ", element.key, ": ", part.key});
    }
    (*out)[i] = Value(part);
  }
  std::size_t i = 0;
  for (const std::string_view name : names) {
    if (i < least && (*out)[i].is_missing()) {
      return parser.refuse(Code::failed_to_parse,
                           {"Missing '", name, "' parameter to ", element.key});
    }
    ++i;
  }
  return true;
}

std::unique_ptr<Expression> parse_over_array(const bson::Element& element,
                                             ExpressionParser& parser) {
  const bool filters = element.key == "$filter";
  std::vector<Value> parts;
  if (!take_fields(element, {"input", filters ? "cond" : "in", "as"}, 2, parser, &parts))
    return nullptr;
  std::string_view variable = "this";
  if (!parts[2].is_missing()) {
    if (parts[2].type != Type::string) {
      parser.refuse(Code::failed_to_parse, {"'as' of ", element.key, " must be a string"});
      return nullptr;
    }
    variable = parts[2].text();
    if (!check_variable_name(variable, parser.error())) return nullptr;
  }
  std::unique_ptr<Expression> input = parser.parse(parts[0]);
  if (input == nullptr) return nullptr;
  parser.declare(variable);
  std::unique_ptr<Expression> body = parser.parse(parts[1]);
  parser.forget();
  if (body == nullptr) return nullptr;
  return std::make_unique<Loop>(filters, variable, std::move(input), std::move(body));
}

std::unique_ptr<Expression> parse_reduce(const bson::Element& element, ExpressionParser& parser) {
  std::vector<Value> parts;
  if (!take_fields(element, {"input", "initialValue", "in"}, 3, parser, &parts)) return nullptr;
  std::unique_ptr<Expression> input = parser.parse(parts[0]);
  std::unique_ptr<Expression> initial = input == nullptr ? nullptr : parser.parse(parts[1]);
  if (initial == nullptr) return nullptr;
  parser.declare("value");
  parser.declare("this");
  std::unique_ptr<Expression> body = parser.parse(parts[2]);
  parser.forget();
  parser.forget();
  if (body == nullptr) return nullptr;
  return std::make_unique<Reduce>(std::move(input), std::move(initial), std::move(body));
}

std::unique_ptr<Expression> parse_let(const bson::Element& element, ExpressionParser& parser) {
  std::vector<Value> parts;
  if (!take_fields(element, {"vars", "in"}, 2, parser, &parts)) return nullptr;
  if (!parts[0].is_document()) {
    parser.refuse(location(10065), {"invalid parameter: expected an object (vars)"});
    return nullptr;
  }
  std::vector<Let::Variable> variables;
  bson::Reader reader(parts[0].bytes);
  bson::Element each;
  while (reader.next(&each)) {
    if (!check_variable_name(each.key, parser.error())) return nullptr;
    std::unique_ptr<Expression> value = parser.parse(Value(each));
    if (value == nullptr) return nullptr;
    variables.push_back({std::string(each.key), std::move(value)});
  }
  for (const Let::Variable& variable : variables) parser.declare(variable.name);
  std::unique_ptr<Expression> body = parser.parse(parts[1]);
  for (std::size_t i = 0; i < variables.size(); ++i) parser.forget();
  if (body == nullptr) return nullptr;
  return std::make_unique<Let>(std::move(variables), std::move(body));
}

}  // namespace

bool check_variable_name(std::string_view name, CommandError* error) {
  const bool is_good = !name.empty() &&
                       ((name[0] >= 'a' && name[0] <= 'z') || (name[0] & 0x80) != 0) &&
                       name.find_first_of(std::string_view(".$\0", 3)) == std::string_view::npos;
  return is_good ||
         refuse(error, Code::failed_to_parse,
                {"'", name, "' starts with an invalid character for a user variable name"});
}

std::unique_ptr<Expression> parse_loop(const bson::Element& element, ExpressionParser& parser,
                                       bool* known) {
  *known = true;
  if (element.key == "$map" || element.key == "$filter") return parse_over_array(element, parser);
  if (element.key == "$reduce") return parse_reduce(element, parser);
  if (element.key == "$let") return parse_let(element, parser);
  *known = false;
  return nullptr;
}

}  // namespace runtime::document
