// Operators that evaluate only what they need: $and $or $not $cond $ifNull $switch.
#include <algorithm>

#include "docstore/document/expression.h"

namespace runtime::document {

namespace {

class Junction : public Expression {
 public:
  // Stops at the first argument that is `stop`.
  Junction(bool stop, Expressions arguments) : stop_(stop), arguments_(std::move(arguments)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    for (const auto& argument : arguments_) {
      OwnedValue value;
      if (!argument->evaluate(scope, &value, error)) return false;
      if (value.view().is_true() != stop_) continue;
      *out = OwnedValue::boolean(stop_);
      return true;
    }
    *out = OwnedValue::boolean(!stop_);
    return true;
  }

 private:
  const bool stop_;
  const Expressions arguments_;
};

class Not : public Expression {
 public:
  explicit Not(std::unique_ptr<Expression> argument) : argument_(std::move(argument)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    OwnedValue value;
    if (!argument_->evaluate(scope, &value, error)) return false;
    *out = OwnedValue::boolean(!value.view().is_true());
    return true;
  }

 private:
  const std::unique_ptr<Expression> argument_;
};

class IfNull : public Expression {
 public:
  explicit IfNull(Expressions arguments) : arguments_(std::move(arguments)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    return std::ranges::all_of(arguments_, [&, done = false](const auto& argument) mutable {
      if (done) return true;
      *out = {};
      if (!argument->evaluate(scope, out, error)) return false;
      done = !out->view().is_nullish();
      return true;
    });
  }

 private:
  const Expressions arguments_;
};

// The first branch whose condition is true; $cond has one.
class Switch : public Expression {
 public:
  struct Branch {
    std::unique_ptr<Expression> condition, value;
  };
  Switch(std::vector<Branch> branches, std::unique_ptr<Expression> otherwise)
      : branches_(std::move(branches)), otherwise_(std::move(otherwise)) {}
  bool evaluate(Scope& scope, OwnedValue* out, CommandError* error) const override {
    for (const Branch& branch : branches_) {
      OwnedValue condition;
      if (!branch.condition->evaluate(scope, &condition, error)) return false;
      if (condition.view().is_true()) return branch.value->evaluate(scope, out, error);
    }
    if (otherwise_ != nullptr) return otherwise_->evaluate(scope, out, error);
    return refuse(
        error, location(40066),
        {"$switch could not find a matching branch for an input, and no default was specified."});
  }

 private:
  const std::vector<Branch> branches_;
  const std::unique_ptr<Expression> otherwise_;
};

std::unique_ptr<Expression> parse_condition(const bson::Element& element,
                                            ExpressionParser& parser) {
  Expressions parts(3);
  if (element.type == Type::document) {
    bson::Reader reader(element.value);
    bson::Element part;
    while (reader.next(&part)) {
      const int at = part.key == "if" ? 0 : part.key == "then" ? 1 : part.key == "else" ? 2 : -1;
      if (at < 0) {
        parser.refuse(location(17083), {"Unrecognized parameter to $cond: ", part.key});
        return nullptr;
      }
      parts[static_cast<std::size_t>(at)] = parser.parse(Value(part));
      if (parts[static_cast<std::size_t>(at)] == nullptr) return nullptr;
    }
    const char* const names[] = {"if", "then", "else"};
    for (std::size_t i = 0; i < 3; ++i) {
      if (parts[i] != nullptr) continue;
      parser.refuse(location(17080 + static_cast<int>(i)),
                    {"Missing '", names[i], "' parameter to $cond"});
      return nullptr;
    }
  } else {
    parts.clear();
    if (!parser.parse_arguments(Value(element), &parts)) return nullptr;
    if (parts.size() != 3) {
      parser.refuse(location(16020), {"Expression $cond takes exactly 3 arguments. ",
                                      std::to_string(parts.size()), " were passed in."});
      return nullptr;
    }
  }
  std::vector<Switch::Branch> branches;
  branches.push_back({std::move(parts[0]), std::move(parts[1])});
  return std::make_unique<Switch>(std::move(branches), std::move(parts[2]));
}

bool parse_branch(const bson::Element& element, ExpressionParser& parser, Switch::Branch* branch) {
  if (element.type != Type::document) {
    return parser.refuse(location(40062), {"$switch expected each branch to be an object, found: ",
                                           type_name(element.type)});
  }
  bson::Reader reader(element.value);
  bson::Element part;
  while (reader.next(&part)) {
    if (part.key != "case" && part.key != "then") {
      return parser.refuse(location(40063),
                           {"$switch found an unknown argument to a branch: ", part.key});
    }
    std::unique_ptr<Expression>& place = part.key == "case" ? branch->condition : branch->value;
    place = parser.parse(Value(part));
    if (place == nullptr) return false;
  }
  if (branch->condition != nullptr && branch->value != nullptr) return true;
  return parser.refuse(location(branch->condition == nullptr ? 40064 : 40065),
                       {"$switch requires each branch have a '",
                        branch->condition == nullptr ? "case" : "then", "' expression"});
}

std::unique_ptr<Expression> parse_switch(const bson::Element& element, ExpressionParser& parser) {
  if (element.type != Type::document) {
    parser.refuse(location(40060),
                  {"$switch requires an object as an argument, found: ", type_name(element.type)});
    return nullptr;
  }
  std::vector<Switch::Branch> branches;
  std::unique_ptr<Expression> otherwise;
  bson::Reader reader(element.value);
  bson::Element part;
  while (reader.next(&part)) {
    if (part.key == "default") {
      otherwise = parser.parse(Value(part));
      if (otherwise == nullptr) return nullptr;
    } else if (part.key != "branches") {
      parser.refuse(location(40067), {"$switch found an unknown argument: ", part.key});
      return nullptr;
    } else if (part.type != Type::array) {
      parser.refuse(location(40061),
                    {"$switch expected an array for 'branches', found: ", type_name(part.type)});
      return nullptr;
    } else {
      bson::Reader each(part.value);
      bson::Element branch;
      while (each.next(&branch)) {
        if (!parse_branch(branch, parser, &branches.emplace_back())) return nullptr;
      }
    }
  }
  if (branches.empty()) {
    parser.refuse(location(40068), {"$switch requires at least one branch."});
    return nullptr;
  }
  return std::make_unique<Switch>(std::move(branches), std::move(otherwise));
}

}  // namespace

std::unique_ptr<Expression> parse_logic(const bson::Element& element, ExpressionParser& parser,
                                        bool* known) {
  const std::string_view name = element.key;
  *known = true;
  if (name == "$cond") return parse_condition(element, parser);
  if (name == "$switch") return parse_switch(element, parser);
  *known = name == "$and" || name == "$or" || name == "$not" || name == "$ifNull";
  if (!*known) return nullptr;
  Expressions arguments;
  if (!parser.parse_arguments(Value(element), &arguments)) return nullptr;
  if (name == "$and" || name == "$or")
    return std::make_unique<Junction>(name == "$or", std::move(arguments));
  if (name == "$not") {
    if (arguments.size() == 1) return std::make_unique<Not>(std::move(arguments[0]));
    parser.refuse(location(16020), {"Expression $not takes exactly 1 arguments. ",
                                    std::to_string(arguments.size()), " were passed in."});
    return nullptr;
  }
  if (arguments.size() >= 2) return std::make_unique<IfNull>(std::move(arguments));
  parser.refuse(location(1257300),
                {"$ifNull needs at least two arguments, had: ", std::to_string(arguments.size())});
  return nullptr;
}

}  // namespace runtime::document
