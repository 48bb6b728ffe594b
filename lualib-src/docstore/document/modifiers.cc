// The operators that know nothing of arrays.
#include "docstore/document/modifier.h"
#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

class Set : public Modifier {
 public:
  Set(const Value& operand, bool for_insert) : operand_(operand), for_insert_(for_insert) {}

  Effect change(Node* node, const Circumstances&) const override {
    if (is_identical(node->view(), operand_.view())) return Effect::none;
    *node = Node(operand_.view());
    return Effect::changed;
  }
  Effect make(Node* node, const Circumstances&) const override {
    *node = Node(operand_.view());
    return Effect::changed;
  }
  bool is_for_insert() const override { return for_insert_; }

 private:
  const OwnedValue operand_;
  const bool for_insert_;
};

class Unset : public Modifier {
 public:
  Effect change(Node*, const Circumstances&) const override { return Effect::removed; }
  bool creates() const override { return false; }
};

// $inc and $mul.
class Calculate : public Modifier {
 public:
  Calculate(Arithmetic operation, const Value& operand)
      : operation_(operation), operand_(operand) {}

  Effect change(Node* node, const Circumstances& at) const override {
    const Value value = node->view();
    const std::string_view name = operation_ == Arithmetic::add ? "$inc" : "$mul";
    if (!value.is_number()) {
      return at.refuse(
          Code::type_mismatch,
          {"Cannot apply ", name, " to a value of non-numeric type. ", at.id_text(),
           " has the field '", at.name, "' of non-numeric type ", type_name(value.type)});
    }
    std::optional<OwnedValue> result = calculate(operation_, value, operand_.view());
    if (!result) {
      return at.refuse(Code::bad_value, {"Failed to apply ", name, " operations to current value (",
                                         to_text(value), ") for document ", at.id_text()});
    }
    if (is_identical(value, result->view())) return Effect::none;
    *node = Node(std::move(*result));
    return Effect::changed;
  }

  // What is missing counts as 0.
  Effect make(Node* node, const Circumstances&) const override {
    if (operation_ == Arithmetic::add) {
      *node = Node(operand_.view());
    } else {
      *node = Node(*calculate(operation_, OwnedValue::int32(0).view(), operand_.view()));
    }
    return Effect::changed;
  }

 private:
  const Arithmetic operation_;
  const OwnedValue operand_;
};

// $min and $max.
class Bound : public Modifier {
 public:
  // The value changes when the operand, compared with it, is on the side of `sign`.
  Bound(int sign, const Value& operand) : sign_(sign), operand_(operand) {}

  Effect change(Node* node, const Circumstances&) const override {
    const int order = compare(operand_.view(), node->view());
    if (sign_ < 0 ? order >= 0 : order <= 0) return Effect::none;
    *node = Node(operand_.view());
    return Effect::changed;
  }
  Effect make(Node* node, const Circumstances&) const override {
    *node = Node(operand_.view());
    return Effect::changed;
  }

 private:
  const int sign_;
  const OwnedValue operand_;
};

class CurrentDate : public Modifier {
 public:
  explicit CurrentDate(Type type) : type_(type) {}

  Effect change(Node* node, const Circumstances& at) const override {
    OwnedValue now = OwnedValue::date(at.clock.ms);
    if (type_ == Type::timestamp) {
      now = {type_, OwnedValue::int64(static_cast<std::int64_t>(at.clock.timestamp)).bytes()};
    }
    *node = Node(std::move(now));
    return Effect::changed;
  }

 private:
  const Type type_;
};

class Bit : public Modifier {
 public:
  struct Step {
    std::string name;
    OwnedValue operand;
  };
  explicit Bit(std::vector<Step> steps) : steps_(std::move(steps)) {}

  Effect change(Node* node, const Circumstances& at) const override {
    const Value value = node->view();
    if (!value.is_integer()) {
      return at.refuse(Code::bad_value, {"Cannot apply $bit to a value of non-integral type.",
                                         at.id_text(), " has the field ", at.name,
                                         " of non-integer type ", type_name(value.type)});
    }
    OwnedValue result = calculated(value);
    if (is_identical(value, result.view())) return Effect::none;
    *node = Node(std::move(result));
    return Effect::changed;
  }
  Effect make(Node* node, const Circumstances&) const override {
    *node = Node(calculated(OwnedValue::int32(0).view()));
    return Effect::changed;
  }

 private:
  OwnedValue calculated(const Value& value) const {
    std::int64_t bits = value.integer();
    bool is_wide = value.type == Type::int64;
    for (const Step& step : steps_) {
      const std::int64_t operand = step.operand.view().integer();
      is_wide = is_wide || step.operand.type() == Type::int64;
      if (step.name == "and") bits &= operand;
      if (step.name == "or") bits |= operand;
      if (step.name == "xor") bits ^= operand;
    }
    return is_wide ? OwnedValue::int64(bits) : OwnedValue::int32(static_cast<std::int32_t>(bits));
  }

  const std::vector<Step> steps_;
};

std::unique_ptr<Modifier> make_calculate(std::string_view name, const bson::Element& field,
                                         CommandError* error) {
  const bool is_inc = name == "$inc";
  if (!Value(field).is_number()) {
    refuse(error, Code::type_mismatch,
           {"Cannot ", is_inc ? "increment" : "multiply", " with non-numeric argument: {",
            field.key, ": ", to_text(Value(field)), "}"});
    return nullptr;
  }
  return std::make_unique<Calculate>(is_inc ? Arithmetic::add : Arithmetic::multiply, Value(field));
}

std::unique_ptr<Modifier> make_current_date(const bson::Element& field, CommandError* error) {
  if (field.type == Type::boolean) return std::make_unique<CurrentDate>(Type::date);
  if (field.type != Type::document) {
    refuse(error, Code::bad_value,
           {type_name(field.type),
            " is not valid type for $currentDate. Please use a boolean ('true') or a "
            "$type expression ({$type: 'timestamp/date'})."});
    return nullptr;
  }
  const bson::Element kind = first_element(field.value);
  if (count_elements(field.value) != 1 || kind.key != "$type") {
    refuse(
        error, Code::bad_value,
        {"Unrecognized $currentDate option: ", kind.key == "$type" ? "more than one" : kind.key});
    return nullptr;
  }
  if (kind.type == Type::string && Value(kind).text() == "date") {
    return std::make_unique<CurrentDate>(Type::date);
  }
  if (kind.type == Type::string && Value(kind).text() == "timestamp") {
    return std::make_unique<CurrentDate>(Type::timestamp);
  }
  refuse(
      error, Code::bad_value,
      {"The '$type' string field is required to be 'date' or 'timestamp': {$currentDate: {field : "
       "{$type: 'date'}}}"});
  return nullptr;
}

std::unique_ptr<Modifier> make_bit(const bson::Element& field, CommandError* error) {
  std::vector<Bit::Step> steps;
  if (field.type == Type::document) {
    bson::Reader reader(field.value);
    bson::Element each;
    while (reader.next(&each)) {
      if (each.key != "and" && each.key != "or" && each.key != "xor") {
        refuse(error, Code::bad_value,
               {"The $bit modifier only supports 'and', 'or', and 'xor', not '", each.key,
                "' which is an unknown operator"});
        return nullptr;
      }
      if (!Value(each).is_integer()) {
        refuse(error, Code::bad_value,
               {"The $bit modifier field must be an Integer(32/64 bit); a '", type_name(each.type),
                "' is not supported here"});
        return nullptr;
      }
      steps.push_back({std::string(each.key), OwnedValue(Value(each))});
    }
  }
  if (steps.empty()) {
    refuse(error, Code::bad_value,
           {"The $bit modifier is not compatible with a ", type_name(field.type),
            ". You must pass in an embedded document: {$bit: {field: {and/or/xor: #}}"});
    return nullptr;
  }
  return std::make_unique<Bit>(std::move(steps));
}

bool is_array_modifier(std::string_view name) {
  return name == "$push" || name == "$pull" || name == "$pullAll" || name == "$addToSet" ||
         name == "$pop";
}

}  // namespace

std::string Circumstances::id_text() const {
  const Value id = field(document, "_id");
  return "{_id: " + (id.is_missing() ? "no id" : to_text(id)) + "}";
}

bool is_modifier(std::string_view name) {
  return is_array_modifier(name) || name == "$set" || name == "$setOnInsert" || name == "$unset" ||
         name == "$inc" || name == "$mul" || name == "$min" || name == "$max" ||
         name == "$rename" || name == "$currentDate" || name == "$bit";
}

std::unique_ptr<Modifier> make_modifier(std::string_view name, const bson::Element& field,
                                        CommandError* error) {
  if (is_array_modifier(name)) return make_array_modifier(name, field, error);
  if (name == "$unset") return std::make_unique<Unset>();
  if (name == "$inc" || name == "$mul") return make_calculate(name, field, error);
  if (name == "$min") return std::make_unique<Bound>(-1, Value(field));
  if (name == "$max") return std::make_unique<Bound>(1, Value(field));
  if (name == "$currentDate") return make_current_date(field, error);
  if (name == "$bit") return make_bit(field, error);
  return std::make_unique<Set>(Value(field), name == "$setOnInsert");
}

}  // namespace runtime::document
