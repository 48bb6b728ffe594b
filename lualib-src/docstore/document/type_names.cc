#include "docstore/document/type_names.h"

namespace runtime::document {

namespace {

constexpr Type kAllTypes[] = {
    Type::real,      Type::string,     Type::document, Type::array,      Type::binary,
    Type::undefined, Type::object_id,  Type::boolean,  Type::date,       Type::null,
    Type::regex,     Type::db_pointer, Type::code,     Type::symbol,     Type::code_with_scope,
    Type::int32,     Type::timestamp,  Type::int64,    Type::decimal128, Type::max_key,
    Type::min_key};

}  // namespace

std::optional<std::vector<Type>> types_of(const Value& value, CommandError* error) {
  if (value.type == Type::string) {
    if (value.text() == "number") {
      return std::vector<Type>{Type::real, Type::int32, Type::int64, Type::decimal128};
    }
    for (const Type type : kAllTypes) {
      if (type_name(type) == value.text()) return std::vector<Type>{type};
    }
    refuse(error, Code::bad_value, {"Unknown type name alias: ", value.text()});
    return {};
  }
  if (!value.is_number()) {
    refuse(error, Code::type_mismatch, {"type must be represented as a number or a string"});
    return {};
  }
  const std::optional<std::int64_t> code = value.whole_number();
  for (const Type type : kAllTypes) {
    const auto byte = static_cast<std::uint8_t>(type);
    if (code && *code == (type == Type::min_key ? -1 : std::int64_t{byte}))
      return std::vector<Type>{type};
  }
  refuse(error, Code::bad_value,
         {"Invalid numerical type code: ", to_text(value),
          code && *code == 0 ? ". Instead use {$exists:false}." : ""});
  return {};
}

}  // namespace runtime::document
