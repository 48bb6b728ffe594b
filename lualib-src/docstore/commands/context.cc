#include "docstore/commands/context.h"

#include <string>
#include <utility>

#include "docstore/document/expression.h"

namespace runtime::docstore {

namespace {

constexpr std::size_t kLongestName = 255;

bool refuse_type(CommandError* error, std::string_view command, std::string_view name,
                 const Value& value, std::string_view wanted) {
  return refuse(error, Code::type_mismatch,
                {"BSON field '", command, ".", name, "' is the wrong type '",
                 document::type_name(value.type), "', expected type ", wanted});
}

}  // namespace

bool Context::take(std::string_view name, std::int64_t* out) {
  std::optional<std::int64_t> number;
  if (!take(name, &number)) return false;
  if (number) *out = *number;
  return true;
}

bool Context::take(std::string_view name, std::optional<std::int64_t>* out) {
  const Value value = argument(name);
  if (value.is_nullish()) return true;
  if (!value.is_number()) return refuse_type(error, command, name, value, "'number'");
  const auto whole = value.whole_number();
  if (whole) {
    *out = *whole;
  } else if (value.type == bson::Type::real && !value.is_nan()) {
    *out = static_cast<std::int64_t>(value.real());
  } else {
    return refuse(error, Code::bad_value,
                  {name, ": ", document::to_text(value), " is no whole number"});
  }
  if (**out < 0 && name != "limit") {
    return refuse(
        error, document::location(51024),
        {"BSON field '", name, "' value must be >= 0, actual value '", std::to_string(**out), "'"});
  }
  return true;
}

bool Context::take(std::string_view name, bool* out) {
  const Value value = argument(name);
  if (value.is_nullish()) return true;
  if (value.type != bson::Type::boolean && !value.is_number()) {
    return refuse_type(error, command, name, value, "'bool'");
  }
  *out = value.is_true();
  return true;
}

bool Context::take_document(std::string_view name, std::string_view* out) {
  const Value value = argument(name);
  if (value.is_nullish()) return true;
  if (!value.is_document()) return refuse_type(error, command, name, value, "'object'");
  *out = value.bytes;
  return true;
}

bool Context::take_documents(std::string_view name, std::vector<std::string_view>* out) {
  for (const Sequence& sequence : request.sequences) {
    if (sequence.identifier == name) *out = sequence.documents;
  }
  const Value value = argument(name);
  if (value.is_missing()) {
    if (!out->empty()) return true;
    return refuse(error, document::location(40414),
                  {"BSON field '", command, ".", name, "' is missing but a required field"});
  }
  if (!value.is_array()) return refuse_type(error, command, name, value, "'array'");
  bson::Reader reader(value.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.type != bson::Type::document) {
      return refuse_type(error, command, std::string(name) + "." + std::string(element.key),
                         Value(element), "'object'");
    }
    out->push_back(element.value);
  }
  return true;
}

bool Context::take_filter(std::string_view name, document::Filter* out) {
  std::string_view bytes;
  if (!take_document(name, &bytes)) return false;
  if (bytes.empty()) return true;
  auto filter = document::Filter::parse(bytes, error, &constants);
  if (!filter) return false;
  *out = std::move(*filter);
  return true;
}

bool Context::take_let(const Value& let) {
  if (let.is_nullish()) return true;
  if (!let.is_document()) return refuse_type(error, command, "let", let, "'object'");
  document::Constants all;
  document::Scope scope{document::document_value(empty_document()), clock};
  bson::Reader reader(let.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (!document::check_variable_name(element.key, error)) return false;
    const auto expression = document::ExpressionParser(error).parse(Value(element));
    document::OwnedValue value;
    if (expression == nullptr || !expression->evaluate(scope, &value, error)) return false;
    if (value.view().is_missing()) {
      return refuse(error, document::location(4890500),
                    {"Command let Expression does not evaluate to a constant ",
                     document::to_text(Value(element))});
    }
    all.set(element.key, std::move(value));
  }
  constants = std::move(all);
  return true;
}

bool Context::collection_name(std::string_view* out) {
  if (subject.type != bson::Type::string) {
    return refuse(error, Code::invalid_namespace,
                  {"collection name has invalid type ", document::type_name(subject.type)});
  }
  *out = subject.text();
  return check_collection_name(database, *out, error);
}

bool Context::refuse_late() {
  return refuse(error, Code::max_time_expired, {"operation exceeded time limit"});
}

bool Context::refuse_storage() {
  return refuse(error, Code::internal_error, {"the store's file: ", engine.connection.failure()});
}

bool check_database_name(std::string_view name, CommandError* error) {
  const bool bad = name.empty() || name.size() >= 64 ||
                   name.find_first_of(std::string_view("/\\. \"$\0", 7)) != name.npos;
  return !bad ||
         refuse(error, Code::invalid_namespace, {"Invalid namespace specified '", name, "'"});
}

bool check_collection_name(std::string_view database, std::string_view name, CommandError* error) {
  const bool bad = name.empty() || name.starts_with('.') || name.ends_with('.') ||
                   name.find('$') != name.npos || name.find('\0') != name.npos ||
                   database.size() + name.size() + 1 > kLongestName;
  return !bad || refuse(error, Code::invalid_namespace,
                        {"Invalid namespace specified '", database, ".", name, "'"});
}

bool check_collation(const Value& collation, CommandError* error) {
  if (!collation.is_document() || document::is_empty(collation.bytes)) return true;
  const Value locale = document::field(collation.bytes, "locale");
  if (locale.is_missing()) {
    return refuse(error, document::location(40414),
                  {"BSON field 'collation.locale' is missing but a required field"});
  }
  if (locale.type == bson::Type::string && locale.text() == "simple") return true;
  return refuse(error, Code::not_implemented,
                {"collations other than \"simple\" are not kept here"});
}

bool refuse_transaction(CommandError* error) {
  return refuse(error, Code::illegal_operation,
                {"Transaction numbers are only allowed on a replica set member or mongos"});
}

}  // namespace runtime::docstore
