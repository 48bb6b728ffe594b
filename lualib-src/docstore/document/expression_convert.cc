// Conversions, kinds and dates in expressions.
#include <charconv>
#include <cmath>

#include "bson/object_id.h"
#include "docstore/document/dates.h"
#include "docstore/document/decimal_arithmetic.h"
#include "docstore/document/expression.h"
#include "docstore/document/number.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

bool give_null(OwnedValue* out) {
  *out = OwnedValue::null();
  return true;
}

bool refuse_kinds(const Value& from, std::string_view to, CommandError* error) {
  return refuse(error, Code::conversion_failure,
                {"Unsupported conversion from ", type_name(from.type), " to ", to,
                 " in $convert with no onError value"});
}

bool refuse_overflow(const Value& value, CommandError* error) {
  return refuse(error, Code::conversion_failure,
                {"Conversion would overflow target type in $convert with no onError value: ",
                 to_text(value)});
}

bool refuse_text(std::string_view text, std::string_view to, CommandError* error) {
  return refuse(
      error, Code::conversion_failure,
      {"Failed to parse ", to, " '", text.substr(0, 100), "' in $convert with no onError value"});
}

bool kind(std::string_view, const Values& values, OwnedValue* out, CommandError*) {
  *out = OwnedValue::string(type_name(values[0].type()));
  return true;
}

// When a date was made: the first 4 bytes of an ObjectId are seconds.
std::int64_t object_id_ms(std::string_view id) {
  std::uint32_t seconds = 0;
  for (std::size_t i = 0; i < 4; ++i) seconds = seconds << 8 | static_cast<std::uint8_t>(id[i]);
  return std::int64_t{seconds} * 1000;
}

bool to_string(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  switch (value.type) {
    case Type::string: *out = values[0]; return true;
    case Type::boolean: *out = OwnedValue::string(value.boolean() ? "true" : "false"); return true;
    case Type::int32:
    case Type::int64: *out = OwnedValue::string(std::to_string(value.integer())); return true;
    case Type::real: *out = OwnedValue::string(real_text(value.real())); return true;
    case Type::decimal128: *out = OwnedValue::string(decimal_text(decimal_of(value))); return true;
    case Type::date: *out = OwnedValue::string(iso_date(value.date())); return true;
    case Type::object_id: {
      char digits[2 * bson::kObjectIdBytes];
      bson::format_object_id(value.bytes.data(), digits);
      *out = OwnedValue::string({digits, sizeof digits});
      return true;
    }
    default: return value.is_nullish() ? give_null(out) : refuse_kinds(value, "string", error);
  }
}

bool to_integer(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  const bool is_wide = name == "$toLong";
  const std::string_view to = is_wide ? "long" : "int";
  if (value.is_nullish()) return give_null(out);
  std::optional<std::int64_t> number;
  if (value.type == Type::boolean) {
    number = value.boolean() ? 1 : 0;
  } else if (value.type == Type::date && is_wide) {
    number = value.date();
  } else if (value.type == Type::string) {
    std::int64_t parsed = 0;
    const std::string_view text = value.text();
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (fault != std::errc() || end != text.data() + text.size())
      return refuse_text(text, "number", error);
    number = parsed;
  } else if (value.is_number()) {
    number = whole_part(value);
  } else {
    return refuse_kinds(value, to, error);
  }
  if (!number || (!is_wide && static_cast<std::int32_t>(*number) != *number)) {
    return refuse_overflow(value, error);
  }
  *out =
      is_wide ? OwnedValue::int64(*number) : OwnedValue::int32(static_cast<std::int32_t>(*number));
  return true;
}

bool to_real(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) return give_null(out);
  if (value.type == Type::boolean) {
    *out = OwnedValue::real(value.boolean() ? 1 : 0);
  } else if (value.type == Type::date) {
    *out = OwnedValue::real(static_cast<double>(value.date()));
  } else if (value.type == Type::string) {
    double parsed = 0;
    const std::string_view text = value.text();
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (fault != std::errc() || end != text.data() + text.size())
      return refuse_text(text, "number", error);
    *out = OwnedValue::real(parsed);
  } else if (value.is_integer() || value.type == Type::real) {
    *out = OwnedValue::real(value.real());
  } else if (value.type == Type::decimal128) {
    const std::optional<double> real = document::to_real(decimal_of(value));
    if (!real) return refuse_overflow(value, error);
    *out = OwnedValue::real(*real);
  } else {
    return refuse_kinds(value, "double", error);
  }
  return true;
}

bool to_decimal128(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) return give_null(out);
  if (value.type == Type::string) {
    const std::optional<Decimal> parsed = parse_decimal(value.text());
    if (!parsed) return refuse_text(value.text(), "number", error);
    *out = decimal_value(*parsed);
  } else if (value.type == Type::boolean) {
    *out = decimal_value(to_decimal(OwnedValue::int32(value.boolean() ? 1 : 0).view()));
  } else if (value.type == Type::date) {
    *out = decimal_value(to_decimal(OwnedValue::int64(value.date()).view()));
  } else if (value.is_number()) {
    *out = decimal_value(to_decimal(value));
  } else {
    return refuse_kinds(value, "decimal", error);
  }
  return true;
}

bool is_number(std::string_view, const Values& values, OwnedValue* out, CommandError*) {
  *out = OwnedValue::boolean(values[0].view().is_number());
  return true;
}

bool to_boolean(std::string_view, const Values& values, OwnedValue* out, CommandError*) {
  if (values[0].view().is_nullish()) return give_null(out);
  *out = OwnedValue::boolean(values[0].view().is_true());
  return true;
}

// The moment that a value stands for. Nothing: it is none.
std::optional<std::int64_t> moment(const Value& value) {
  if (value.type == Type::date) return value.date();
  if (value.type == Type::object_id) return object_id_ms(value.bytes);
  if (value.type == Type::timestamp) {
    return static_cast<std::int64_t>(bson::number_at<std::uint64_t>(value.bytes.data()) >> 32) *
           1000;
  }
  return {};
}

bool to_date(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) return give_null(out);
  std::optional<std::int64_t> ms = moment(value);
  if (value.type == Type::string) {
    ms = parse_iso_date(value.text());
    if (!ms) return refuse_text(value.text(), "date", error);
  } else if (value.type == Type::int64 || value.type == Type::real) {
    ms = value.type == Type::real ? OwnedValue::real(std::trunc(value.real())).view().whole_number()
                                  : value.integer();
  }
  if (!ms) return refuse_kinds(value, "date", error);
  *out = OwnedValue::date(*ms);
  return true;
}

bool to_object_id(std::string_view, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) return give_null(out);
  if (value.type == Type::object_id) {
    *out = values[0];
    return true;
  }
  if (value.type != Type::string) return refuse_kinds(value, "objectId", error);
  char id[bson::kObjectIdBytes];
  if (!bson::parse_object_id(value.text(), id)) return refuse_text(value.text(), "objectId", error);
  *out = {Type::object_id, {id, sizeof id}};
  return true;
}

// Dates are those of UTC.
bool check_zone(std::string_view name, const Value& zone, CommandError* error) {
  if (zone.is_nullish() ||
      (zone.type == Type::string && (zone.text() == "UTC" || zone.text() == "GMT")))
    return true;
  return refuse(error, Code::not_implemented, {name, " with a time zone is not supported"});
}

// The date that a part is wanted of: the argument, or {date: ..., timezone: ...}, whose fields have been evaluated.
bool date_argument(std::string_view name, const Value& argument, Value* date, CommandError* error) {
  *date = argument;
  if (!argument.is_document()) return true;
  bson::Reader reader(argument.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key == "date" || element.key == "timezone") continue;
    return refuse(error, location(40535),
                  {"unrecognized option to ", name, ": \"", element.key, "\""});
  }
  *date = field(argument.bytes, "date");
  return check_zone(name, field(argument.bytes, "timezone"), error);
}

bool date_part(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  Value value;
  if (!date_argument(name, values[0].view(), &value, error)) return false;
  if (value.is_nullish()) return give_null(out);
  const std::optional<std::int64_t> ms = moment(value);
  if (!ms)
    return refuse(error, location(16006),
                  {"can't convert from BSON type ", type_name(value.type), " to Date"});
  const DateParts parts = date_parts(*ms);
  *out = OwnedValue::integer(name == "$year"         ? parts.year
                             : name == "$month"      ? parts.month
                             : name == "$dayOfMonth" ? parts.day
                             : name == "$dayOfWeek"  ? parts.weekday
                             : name == "$dayOfYear"  ? parts.yearday
                             : name == "$hour"       ? parts.hour
                             : name == "$minute"     ? parts.minute
                             : name == "$second"     ? parts.second
                                                     : parts.millisecond);
  return true;
}

// Its argument is a document, whose fields have been evaluated.
bool date_to_string(std::string_view name, const Values& values, OwnedValue* out,
                    CommandError* error) {
  const Value spec = values[0].view();
  if (!spec.is_document()) {
    return refuse(error, location(18629), {name, " only supports an object as its argument"});
  }
  bson::Reader reader(spec.bytes);
  bson::Element element;
  while (reader.next(&element)) {
    if (element.key != "date" && element.key != "format" && element.key != "timezone" &&
        element.key != "onNull") {
      return refuse(error, location(18534),
                    {"Unrecognized parameter to ", name, ": ", element.key});
    }
  }
  if (!check_zone(name, field(spec.bytes, "timezone"), error)) return false;
  const Value date = field(spec.bytes, "date");
  if (date.is_nullish()) {
    const Value otherwise = field(spec.bytes, "onNull");
    *out = otherwise.is_missing() ? OwnedValue::null() : OwnedValue(otherwise);
    return true;
  }
  const std::optional<std::int64_t> ms = moment(date);
  if (!ms)
    return refuse(error, location(16006),
                  {"can't convert from BSON type ", type_name(date.type), " to Date"});
  const Value format = field(spec.bytes, "format");
  if (!format.is_nullish() && format.type != Type::string) {
    return refuse(error, location(18533),
                  {name, " requires that 'format' be a string, found: ", type_name(format.type)});
  }
  const std::optional<std::string> text =
      format.is_nullish() ? iso_date(*ms) : format_date(format.text(), *ms);
  if (!text)
    return refuse(error, location(18536), {"Invalid format character in format string of ", name});
  *out = OwnedValue::string(*text);
  return true;
}

constexpr FunctionEntry kFunctions[] = {
    {"$type", 1, 1, kind},
    {"$toString", 1, 1, to_string},
    {"$toInt", 1, 1, to_integer},
    {"$toLong", 1, 1, to_integer},
    {"$toDouble", 1, 1, to_real},
    {"$toDecimal", 1, 1, to_decimal128},
    {"$isNumber", 1, 1, is_number},
    {"$toBool", 1, 1, to_boolean},
    {"$toDate", 1, 1, to_date},
    {"$toObjectId", 1, 1, to_object_id},
    {"$year", 1, 1, date_part},
    {"$month", 1, 1, date_part},
    {"$dayOfMonth", 1, 1, date_part},
    {"$dayOfWeek", 1, 1, date_part},
    {"$dayOfYear", 1, 1, date_part},
    {"$hour", 1, 1, date_part},
    {"$minute", 1, 1, date_part},
    {"$second", 1, 1, date_part},
    {"$millisecond", 1, 1, date_part},
    {"$dateToString", 1, 1, date_to_string},
};

}  // namespace

std::span<const FunctionEntry> convert_functions() { return kFunctions; }

}  // namespace runtime::document
