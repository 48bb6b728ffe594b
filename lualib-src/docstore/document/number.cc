#include "docstore/document/number.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "docstore/document/decimal_arithmetic.h"

namespace runtime::document {

namespace {

template <class Number>
int order(Number a, Number b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

int compare_reals(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order(std::isnan(b), std::isnan(a));
  return order(a, b);
}

constexpr double kTwoTo63 = 9223372036854775808.0;

int compare_integer_with_real(std::int64_t integer, double real) {
  if (std::isnan(real)) return 1;
  if (real >= kTwoTo63) return -1;
  if (real < -kTwoTo63) return 1;
  const auto whole = static_cast<std::int64_t>(real);
  if (integer != whole) return order(integer, whole);
  return order(0.0, real - static_cast<double>(whole));
}

enum class Class : char {
  nan = 0x10,
  minus_infinity = 0x20,
  negative = 0x30,
  zero = 0x40,
  positive = 0x50,
  infinity = 0x60
};

void append_finite(bool negative, const BinaryFraction& fraction, const Decimal* rest,
                   std::string* key) {
  key->push_back(static_cast<char>(negative ? Class::negative : Class::positive));
  const std::size_t begin = key->size();
  const auto big_endian = [key](auto number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      key->push_back(static_cast<char>(number >> shift));
  };
  big_endian(static_cast<std::uint32_t>(fraction.exponent + 0x8000), 2);
  big_endian(fraction.bits, 8);
  key->push_back(rest == nullptr ? '\0' : '\1');
  if (rest != nullptr) {
    const Decimal full = with_all_digits(*rest);
    big_endian(static_cast<std::uint32_t>(full.exponent + 0x8000), 2);
    big_endian(full.digits, 16);
  }
  if (!negative) return;
  for (std::size_t i = begin; i < key->size(); ++i) (*key)[i] = static_cast<char>(~(*key)[i]);
}

void append_integer_key(std::int64_t number, std::string* key) {
  if (number == 0) return key->push_back(static_cast<char>(Class::zero));
  const auto size =
      number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
  const int zeros = std::countl_zero(size);
  append_finite(number < 0, {63 - zeros, size << zeros}, nullptr, key);
}

void append_real_key(double number, std::string* key) {
  if (std::isnan(number)) return key->push_back(static_cast<char>(Class::nan));
  if (std::isinf(number)) {
    return key->push_back(static_cast<char>(number < 0 ? Class::minus_infinity : Class::infinity));
  }
  if (number == 0) return key->push_back(static_cast<char>(Class::zero));
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(number), &exponent);  // 0.5 to 1
  append_finite(number < 0, {exponent - 1, static_cast<std::uint64_t>(std::ldexp(fraction, 64))},
                nullptr, key);
}

void append_decimal_key(const Decimal& number, std::string* key) {
  if (number.kind == Decimal::Kind::nan) return key->push_back(static_cast<char>(Class::nan));
  if (number.kind == Decimal::Kind::infinite) {
    return key->push_back(
        static_cast<char>(number.negative ? Class::minus_infinity : Class::infinity));
  }
  if (number.digits == 0) return key->push_back(static_cast<char>(Class::zero));
  bool is_exact = false;
  const BinaryFraction fraction = binary_fraction(number, &is_exact);
  append_finite(number.negative, fraction, is_exact ? nullptr : &number, key);
}

OwnedValue narrowed(const Value& a, const Value& b, std::int64_t result) {
  const bool is_small = a.type == Type::int32 && b.type == Type::int32 &&
                        result >= std::numeric_limits<std::int32_t>::min() &&
                        result <= std::numeric_limits<std::int32_t>::max();
  return is_small ? OwnedValue::int32(static_cast<std::int32_t>(result))
                  : OwnedValue::int64(result);
}

}  // namespace

int compare_numbers(const Value& a, const Value& b) {
  if (a.type == Type::decimal128 || b.type == Type::decimal128) {
    std::string left, right;
    append_number_key(a, &left);
    append_number_key(b, &right);
    return left.compare(right);
  }
  if (a.type == Type::real) {
    return b.type == Type::real ? compare_reals(a.real(), b.real())
                                : -compare_integer_with_real(b.integer(), a.real());
  }
  if (b.type == Type::real) return compare_integer_with_real(a.integer(), b.real());
  return order(a.integer(), b.integer());
}

void append_number_key(const Value& number, std::string* key) {
  if (number.type == Type::real) return append_real_key(number.real(), key);
  if (number.type == Type::decimal128) return append_decimal_key(decimal_of(number), key);
  append_integer_key(number.integer(), key);
}

std::optional<OwnedValue> calculate(Arithmetic operation, const Value& a, const Value& b) {
  if (a.type == Type::decimal128 || b.type == Type::decimal128) {
    const Decimal left = to_decimal(a), right = to_decimal(b);
    return decimal_value(operation == Arithmetic::add ? add(left, right) : multiply(left, right));
  }
  if (a.type == Type::real || b.type == Type::real) {
    return OwnedValue::real(operation == Arithmetic::add ? a.real() + b.real()
                                                         : a.real() * b.real());
  }
  std::int64_t result = 0;
  const bool is_too_large = operation == Arithmetic::add
                                ? __builtin_add_overflow(a.integer(), b.integer(), &result)
                                : __builtin_mul_overflow(a.integer(), b.integer(), &result);
  if (is_too_large) return {};
  return narrowed(a, b, result);
}

std::optional<std::int64_t> whole_part(const Value& number) {
  if (number.is_integer()) return number.integer();
  if (number.type == Type::real) {
    const double whole = std::trunc(number.real());
    if (!(whole >= -kTwoTo63 && whole < kTwoTo63)) return {};
    return static_cast<std::int64_t>(whole);
  }
  Decimal decimal = decimal_of(number);
  if (decimal.kind != Decimal::Kind::finite) return {};
  const unsigned __int128 most = static_cast<unsigned __int128>(1) << 63;
  for (; decimal.exponent < 0 && decimal.digits != 0; ++decimal.exponent) decimal.digits /= 10;
  for (; decimal.exponent > 0 && decimal.digits != 0; --decimal.exponent) {
    if (decimal.digits > most) return {};
    decimal.digits *= 10;
  }
  if (decimal.digits > most || (decimal.digits == most && !decimal.negative)) return {};
  const auto size = static_cast<std::uint64_t>(decimal.digits);
  return static_cast<std::int64_t>(decimal.negative ? 0 - size : size);
}

std::string real_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number < 0 ? "-Infinity" : "Infinity";
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  return {digits, end};
}

}  // namespace runtime::document
