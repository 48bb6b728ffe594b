// Arithmetic and comparison in expressions.
#include <cmath>
#include <cstdio>
#include <limits>

#include "docstore/document/accumulator.h"
#include "docstore/document/decimal_arithmetic.h"
#include "docstore/document/expression.h"
#include "docstore/document/number.h"
#include "docstore/document/order.h"

namespace runtime::document {

namespace {

using Values = std::vector<OwnedValue>;

bool has_null(const Values& values) {
  for (const OwnedValue& value : values) {
    if (value.view().is_nullish()) return true;
  }
  return false;
}

bool give_null(OwnedValue* out) {
  *out = OwnedValue::null();
  return true;
}

bool check_number(std::string_view name, const Value& value, CommandError* error,
                  Code code = Code::type_mismatch) {
  if (value.is_number()) return true;
  return refuse(error, code, {name, " only supports numeric types, not ", type_name(value.type)});
}

// For what is not calculated with a decimal128.
bool check_binary(std::string_view name, const Value& value, CommandError* error,
                  Code code = Code::type_mismatch) {
  if (value.type == Type::decimal128) {
    return refuse(error, Code::not_implemented, {name, " of a decimal128 is not supported"});
  }
  return check_number(name, value, error, code);
}

bool is_decimal(const Value& value) { return value.type == Type::decimal128; }
// The argument of a function of one number has a code of its own.
constexpr Code kNoNumber = location(28765);

// In a pipeline an int64 that does not suffice becomes a double.
OwnedValue pipeline_sum(const Value& a, const Value& b) {
  std::optional<OwnedValue> sum = calculate(Arithmetic::add, a, b);
  return sum ? std::move(*sum) : OwnedValue::real(a.real() + b.real());
}

bool add(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  OwnedValue sum = OwnedValue::int32(0);
  const OwnedValue* date = nullptr;
  for (const OwnedValue& value : values) {
    if (value.type() == Type::date) {
      if (date != nullptr)
        return refuse(error, location(16612), {"only one date allowed in an $add expression"});
      date = &value;
    } else if (!check_number(name, value.view(), error)) {
      return false;
    } else {
      sum = pipeline_sum(sum.view(), value.view());
    }
  }
  if (date == nullptr) {
    *out = std::move(sum);
    return true;
  }
  if (is_decimal(sum.view())) {
    return refuse(error, Code::not_implemented, {"$add of a date and a decimal128"});
  }
  const double ms = std::round(sum.view().real());
  std::int64_t result = 0;
  if (!(std::fabs(ms) < 0x1p63) ||
      __builtin_add_overflow(
          date->view().date(),
          sum.view().is_integer() ? sum.view().integer() : static_cast<std::int64_t>(ms),
          &result)) {
    return refuse(error, Code::overflow, {"date overflow in $add"});
  }
  *out = OwnedValue::date(result);
  return true;
}

bool subtract(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  const Value a = values[0].view(), b = values[1].view();
  std::int64_t difference = 0;
  if (a.type == Type::date) {
    if (b.type != Type::date && !check_binary(name, b, error)) return false;
    const std::optional<std::int64_t> ms =
        b.type == Type::date ? b.date()
        : b.is_integer()     ? b.integer()
                             : OwnedValue::real(std::round(b.real())).view().whole_number();
    if (!ms || __builtin_sub_overflow(a.date(), *ms, &difference)) {
      return refuse(error, Code::overflow, {"date overflow in $subtract"});
    }
    *out = b.type == Type::date ? OwnedValue::int64(difference) : OwnedValue::date(difference);
    return true;
  }
  if (!check_number(name, a, error) || !check_number(name, b, error)) return false;
  if (is_decimal(a) || is_decimal(b)) {
    *out = decimal_value(document::add(to_decimal(a), negated(to_decimal(b))));
  } else if (a.type == Type::real || b.type == Type::real ||
             __builtin_sub_overflow(a.integer(), b.integer(), &difference)) {
    *out = OwnedValue::real(a.real() - b.real());
  } else if (a.type == Type::int32 && b.type == Type::int32) {
    *out = OwnedValue::integer(difference);
  } else {
    *out = OwnedValue::int64(difference);
  }
  return true;
}

bool multiply(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  OwnedValue product = OwnedValue::int32(1);
  for (const OwnedValue& value : values) {
    if (!check_number(name, value.view(), error)) return false;
    std::optional<OwnedValue> next = calculate(Arithmetic::multiply, product.view(), value.view());
    product =
        next ? std::move(*next) : OwnedValue::real(product.view().real() * value.view().real());
  }
  *out = std::move(product);
  return true;
}

bool divide(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  if (!check_number(name, values[0].view(), error) || !check_number(name, values[1].view(), error))
    return false;
  if (is_decimal(values[0].view()) || is_decimal(values[1].view())) {
    const Decimal by = to_decimal(values[1].view());
    if (by.kind == Decimal::Kind::finite && by.digits == 0)
      return refuse(error, Code::bad_value, {"can't $divide by zero"});
    *out = decimal_value(document::divide(to_decimal(values[0].view()), by));
    return true;
  }
  const double divisor = values[1].view().real();
  if (divisor == 0) return refuse(error, Code::bad_value, {"can't $divide by zero"});
  *out = OwnedValue::real(values[0].view().real() / divisor);
  return true;
}

bool remainder(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  const Value a = values[0].view(), b = values[1].view();
  if (!check_binary(name, a, error, location(16611)) ||
      !check_binary(name, b, error, location(16611))) {
    return false;
  }
  if (b.real() == 0) return refuse(error, location(16610), {"can't $mod by zero"});
  if (a.type == Type::real || b.type == Type::real) {
    *out = OwnedValue::real(std::fmod(a.real(), b.real()));
    return true;
  }
  const std::int64_t rest = b.integer() == -1 ? 0 : a.integer() % b.integer();
  *out = a.type == Type::int32 && b.type == Type::int32 ? OwnedValue::integer(rest)
                                                        : OwnedValue::int64(rest);
  return true;
}

bool absolute(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const Value value = values[0].view();
  if (value.is_nullish()) return give_null(out);
  if (!check_number(name, value, error, kNoNumber)) return false;
  if (is_decimal(value)) {
    Decimal size = decimal_of(value);
    size.negative = false;
    *out = decimal_value(size);
  } else if (value.type == Type::real) {
    *out = OwnedValue::real(std::fabs(value.real()));
  } else if (value.integer() == std::numeric_limits<std::int64_t>::min()) {
    return refuse(error, location(28680), {"can't take $abs of long long min"});
  } else {
    const std::int64_t size = std::abs(value.integer());
    *out = value.type == Type::int64 ? OwnedValue::int64(size) : OwnedValue::integer(size);
  }
  return true;
}

// Rounds at a place behind the point, or before it: to the even one of two that are equally near; $trunc to 0.
double at_place(std::string_view name, double number, std::int64_t place) {
  const auto whole = [&](double value) {
    return name == "$trunc" ? std::trunc(value) : std::nearbyint(value);
  };
  if (place == 0) return whole(number);
  // By the digits of what the double is worth: 1.005 is a little less than its digits say.
  char text[64];
  std::snprintf(text, sizeof text, "%.33e", number);
  const Decimal decimal = parse_decimal(text).value_or(Decimal{Decimal::Kind::nan, false, 0, 0});
  if (decimal.kind != Decimal::Kind::finite) return number;
  unsigned __int128 power = 1;
  const std::int64_t count = -decimal.exponent - place;  // of digits to cut off
  if (count <= 0) return number;
  if (count > 34) return std::copysign(0.0, number);
  for (std::int64_t i = 0; i < count; ++i) power *= 10;
  Decimal cut = decimal;
  cut.digits /= power;
  const unsigned __int128 rest = (decimal.digits - cut.digits * power) * 2;
  if (name == "$round" && (rest > power || (rest == power && cut.digits % 2 != 0))) ++cut.digits;
  cut.exponent = static_cast<int>(-place);
  return to_real(cut).value_or(number);
}

bool round_off(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  const Value value = values[0].view();
  const bool has_places = name == "$trunc" || name == "$round";
  if (!check_binary(name, value, error, has_places ? location(51081) : kNoNumber)) return false;
  std::int64_t place = 0;
  if (values.size() == 2) {
    const Value given = values[1].view();
    const std::optional<std::int64_t> whole =
        given.is_number() ? given.whole_number() : std::nullopt;
    if (!whole)
      return refuse(error, location(51082),
                    {"precision argument to  ", name, " must be a integral value"});
    if (*whole < -20 || *whole > 100)
      return refuse(error, location(51083),
                    {"cannot apply ", name, " with precision value ", to_text(given),
                     " value must be in [-20, 100]"});
    place = *whole;
  }
  if (value.is_integer() && place >= 0) {
    *out = values[0];
    return true;
  }
  const double number = value.real();
  if (has_places) {
    const double rounded = at_place(name, number, place);
    *out = !value.is_integer()         ? OwnedValue::real(rounded)
           : value.type == Type::int64 ? OwnedValue::int64(static_cast<std::int64_t>(rounded))
                                       : OwnedValue::integer(static_cast<std::int64_t>(rounded));
  } else {
    *out = OwnedValue::real(name == "$ceil" ? std::ceil(number) : std::floor(number));
  }
  return true;
}

bool logarithm(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  double numbers[2] = {0, 0};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Code code = name != "$log" ? kNoNumber : location(i == 0 ? 28756 : 28757);
    if (!check_binary(name, values[i].view(), error, code)) return false;
    numbers[i] = values[i].view().real();
  }
  if (name == "$exp") {
    *out = OwnedValue::real(std::exp(numbers[0]));
    return true;
  }
  if (numbers[0] <= 0) {
    const int code = name == "$ln" ? 28766 : name == "$log10" ? 28761 : 28758;
    return refuse(
        error, location(code),
        {name, "'s argument must be a positive number, but is ", to_text(values[0].view())});
  }
  if (name == "$log" && (numbers[1] <= 0 || numbers[1] == 1)) {
    return refuse(error, location(28759),
                  {"$log's base must be a positive number not equal to 1, but is ",
                   to_text(values[1].view())});
  }
  *out = OwnedValue::real(name == "$log10" ? std::log10(numbers[0])
                          : name == "$ln"  ? std::log(numbers[0])
                                           : std::log(numbers[0]) / std::log(numbers[1]));
  return true;
}

bool power(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  if (has_null(values)) return give_null(out);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Code code = name == "$sqrt" ? kNoNumber : location(i == 0 ? 28762 : 28763);
    if (!check_binary(name, values[i].view(), error, code)) return false;
  }
  const double base = values[0].view().real();
  if (name == "$sqrt") {
    if (base < 0)
      return refuse(error, location(28714),
                    {"$sqrt's argument must be greater than or equal to 0"});
    *out = OwnedValue::real(std::sqrt(base));
    return true;
  }
  const double exponent = values[1].view().real();
  if (base == 0 && exponent < 0) {
    return refuse(error, location(28764), {"$pow cannot take a base of 0 and a negative exponent"});
  }
  const double result = std::pow(base, exponent);
  const bool is_whole = values[0].view().is_integer() && values[1].view().is_integer() &&
                        exponent >= 0 && std::fabs(result) < 0x1p53;
  if (!is_whole) {
    *out = OwnedValue::real(result);
  } else {
    const auto whole = static_cast<std::int64_t>(result);
    const bool is_small = values[0].type() == Type::int32 && values[1].type() == Type::int32;
    *out = is_small ? OwnedValue::integer(whole) : OwnedValue::int64(whole);
  }
  return true;
}

bool order_of(std::string_view name, const Values& values, OwnedValue* out, CommandError*) {
  const int order = compare(values[0].view(), values[1].view());
  if (name == "$cmp") {
    *out = OwnedValue::int32(order < 0 ? -1 : order > 0 ? 1 : 0);
    return true;
  }
  const bool result = name == "$eq"    ? order == 0
                      : name == "$ne"  ? order != 0
                      : name == "$gt"  ? order > 0
                      : name == "$gte" ? order >= 0
                      : name == "$lt"  ? order < 0
                                       : order <= 0;
  *out = OwnedValue::boolean(result);
  return true;
}

// $sum, $avg, $min, $max of arguments, or of the array that is the only one.
bool accumulate(std::string_view name, const Values& values, OwnedValue* out, CommandError* error) {
  const std::unique_ptr<Accumulator> accumulator = make_accumulator(name);
  const auto offer = [&](const Value& value) { return accumulator->add(value, error); };
  if (values.size() == 1 && values[0].view().is_array()) {
    bson::Reader reader(values[0].bytes());
    bson::Element element;
    while (reader.next(&element)) {
      if (!offer(Value(element))) return false;
    }
  } else {
    for (const OwnedValue& value : values) {
      if (!offer(value.view())) return false;
    }
  }
  *out = accumulator->result();
  return true;
}

constexpr std::size_t kAnyNumber = 1000000;
constexpr FunctionEntry kFunctions[] = {
    {"$add", 0, kAnyNumber, add},
    {"$subtract", 2, 2, subtract},
    {"$multiply", 0, kAnyNumber, multiply},
    {"$divide", 2, 2, divide},
    {"$mod", 2, 2, remainder},
    {"$abs", 1, 1, absolute},
    {"$ceil", 1, 1, round_off},
    {"$floor", 1, 1, round_off},
    {"$trunc", 1, 2, round_off},
    {"$round", 1, 2, round_off},
    {"$exp", 1, 1, logarithm},
    {"$ln", 1, 1, logarithm},
    {"$log10", 1, 1, logarithm},
    {"$log", 2, 2, logarithm},
    {"$sqrt", 1, 1, power},
    {"$pow", 2, 2, power},
    {"$cmp", 2, 2, order_of},
    {"$eq", 2, 2, order_of},
    {"$ne", 2, 2, order_of},
    {"$gt", 2, 2, order_of},
    {"$gte", 2, 2, order_of},
    {"$lt", 2, 2, order_of},
    {"$lte", 2, 2, order_of},
    {"$sum", 0, kAnyNumber, accumulate},
    {"$avg", 0, kAnyNumber, accumulate},
    {"$min", 0, kAnyNumber, accumulate},
    {"$max", 0, kAnyNumber, accumulate},
};

}  // namespace

std::span<const FunctionEntry> number_functions() { return kFunctions; }

}  // namespace runtime::document
