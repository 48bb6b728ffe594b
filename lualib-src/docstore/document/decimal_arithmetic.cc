#include "docstore/document/decimal_arithmetic.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>

namespace runtime::document {

namespace {

constexpr int kMostDigits = 34;
constexpr int kLeastExponent = -6176, kMostExponent = 6111;
constexpr int kExponentBias = 6176;
// Digits so far below another number only tell on which side of it the sum is.
constexpr int kFarBelow = 2 * kMostDigits + 3;

using Kind = Decimal::Kind;

// Digits from the front, without needless zeros: "" is 0.
using Digits = std::string;

Digits digits_of(const Decimal& number) {
  Digits digits;
  for (unsigned __int128 rest = number.digits; rest != 0; rest /= 10)
    digits.push_back(static_cast<char>(rest % 10));
  std::ranges::reverse(digits);
  return digits;
}

void strip(Digits* digits) {
  digits->erase(0, std::min(digits->find_first_not_of('\0'), digits->size()));
}

Digits sum(Digits a, Digits b) {
  const std::size_t size = std::max(a.size(), b.size()) + 1;
  a.insert(0, size - a.size(), '\0');
  b.insert(0, size - b.size(), '\0');
  for (std::size_t i = size, carry = 0; i-- > 0;) {
    const std::size_t digit = static_cast<std::size_t>(a[i] + b[i]) + carry;
    a[i] = static_cast<char>(digit % 10);
    carry = digit / 10;
  }
  strip(&a);
  return a;
}

bool is_less(const Digits& a, const Digits& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

// `a` is not the lesser one.
Digits difference(Digits a, Digits b) {
  b.insert(0, a.size() - b.size(), '\0');
  for (std::size_t i = a.size(), borrow = 0; i-- > 0;) {
    const int digit = a[i] - b[i] - static_cast<int>(borrow);
    borrow = digit < 0 ? 1 : 0;
    a[i] = static_cast<char>(digit < 0 ? digit + 10 : digit);
  }
  strip(&a);
  return a;
}

Digits product(const Digits& a, const Digits& b) {
  Digits out(a.size() + b.size(), '\0');
  for (std::size_t i = a.size(); i-- > 0;) {
    int carry = 0;
    for (std::size_t k = b.size(); k-- > 0;) {
      const int digit = out[i + k + 1] + a[i] * b[k] + carry;
      out[i + k + 1] = static_cast<char>(digit % 10);
      carry = digit / 10;
    }
    out[i] = static_cast<char>(out[i] + carry);
  }
  strip(&out);
  return out;
}

// Cuts `count` digits off the end, and rounds. `more`: behind them something that is not 0 was cut off before.
void round_off(Digits* digits, std::size_t count, bool more) {
  if (count > digits->size()) {
    digits->clear();
    return;
  }
  const std::size_t kept = digits->size() - count;
  const int first = (*digits)[kept];
  more = more || digits->find_first_not_of('\0', kept + 1) != Digits::npos;
  const bool is_odd = kept > 0 && (*digits)[kept - 1] % 2 != 0;
  digits->resize(kept);
  if (first > 5 || (first == 5 && (more || is_odd))) *digits = sum(*digits, Digits(1, '\1'));
}

Decimal infinity(bool negative) { return {Kind::infinite, negative, 0, 0}; }
Decimal not_a_number() { return {Kind::nan, false, 0, 0}; }

// What comes next to sign * digits * 10^exponent, of which a part that is not 0 may have been cut off (`more`).
Decimal rounded(bool negative, Digits digits, int exponent, bool more) {
  int cut = std::max(0, static_cast<int>(digits.size()) - kMostDigits);
  cut = std::max(cut, kLeastExponent - exponent);
  if (cut > 0) {
    round_off(&digits, static_cast<std::size_t>(cut), more);
    exponent += cut;
    if (digits.size() > kMostDigits) {  // 99...9 became 100...0
      digits.pop_back();
      ++exponent;
    }
  }
  if (digits.empty()) return {Kind::finite, negative, 0, std::min(exponent, kMostExponent)};
  while (exponent > kMostExponent && digits.size() < kMostDigits) {
    digits.push_back('\0');
    --exponent;
  }
  if (exponent > kMostExponent) return infinity(negative);
  Decimal out{Kind::finite, negative, 0, exponent};
  for (const char digit : digits) out.digits = out.digits * 10 + static_cast<unsigned>(digit);
  return out;
}

}  // namespace

Decimal add(const Decimal& a, const Decimal& b) {
  if (a.kind == Kind::nan || b.kind == Kind::nan) return not_a_number();
  if (a.kind == Kind::infinite || b.kind == Kind::infinite) {
    if (a.kind == b.kind && a.negative != b.negative) return not_a_number();
    return a.kind == Kind::infinite ? a : b;
  }
  const Decimal& high = a.exponent >= b.exponent ? a : b;
  const Decimal& low = a.exponent >= b.exponent ? b : a;
  if (high.digits == 0 && low.digits == 0)
    return {Kind::finite, a.negative && b.negative, 0, low.exponent};
  if (high.digits == 0) return low;
  Digits left = digits_of(high), right = digits_of(low);
  int exponent = low.exponent;
  if (high.exponent - low.exponent > kFarBelow) {
    exponent = high.exponent - kFarBelow;
    if (!right.empty()) right = Digits(1, '\1');
  }
  left.append(static_cast<std::size_t>(high.exponent - exponent), '\0');
  if (high.negative == low.negative)
    return rounded(high.negative, sum(left, right), exponent, false);
  const bool swaps = is_less(left, right);
  const Digits rest = swaps ? difference(right, left) : difference(left, right);
  return rounded(!rest.empty() && (swaps ? low : high).negative, rest, exponent, false);
}

Decimal multiply(const Decimal& a, const Decimal& b) {
  if (a.kind == Kind::nan || b.kind == Kind::nan) return not_a_number();
  const bool negative = a.negative != b.negative;
  const auto is_zero = [](const Decimal& x) { return x.kind == Kind::finite && x.digits == 0; };
  if (a.kind == Kind::infinite || b.kind == Kind::infinite)
    return is_zero(a) || is_zero(b) ? not_a_number() : infinity(negative);
  return rounded(negative, product(digits_of(a), digits_of(b)), a.exponent + b.exponent, false);
}

Decimal divide(const Decimal& a, const Decimal& b) {
  if (a.kind == Kind::nan || b.kind == Kind::nan) return not_a_number();
  const bool negative = a.negative != b.negative;
  if (a.kind == Kind::infinite)
    return b.kind == Kind::infinite ? not_a_number() : infinity(negative);
  if (b.kind == Kind::infinite) return {Kind::finite, negative, 0, kLeastExponent};
  if (b.digits == 0) return a.digits == 0 ? not_a_number() : infinity(negative);
  const int wanted = a.exponent - b.exponent;
  if (a.digits == 0) return rounded(negative, {}, wanted, false);
  // Digit by digit, one more than a result has.
  const Digits divisor = digits_of(b);
  Digits dividend = digits_of(a), quotient, rest;
  int exponent = wanted;
  for (std::size_t i = 0; i < dividend.size() || (!rest.empty() && quotient.size() <= kMostDigits);
       ++i) {
    if (i >= dividend.size()) --exponent;
    rest.push_back(i < dividend.size() ? dividend[i] : '\0');
    strip(&rest);
    char digit = 0;
    for (; !is_less(rest, divisor); ++digit) rest = difference(rest, divisor);
    if (digit != 0 || !quotient.empty()) quotient.push_back(digit);
  }
  // An exact result does not have more digits behind the point than it needs.
  while (rest.empty() && exponent < wanted && quotient.back() == '\0') {
    quotient.pop_back();
    ++exponent;
  }
  return rounded(negative, quotient, exponent, !rest.empty());
}

Decimal to_decimal(const Value& number) {
  if (number.type == Type::decimal128) return decimal_of(number);
  if (number.is_integer()) {
    const std::int64_t whole = number.integer();
    const auto size = static_cast<std::uint64_t>(whole);
    return {Kind::finite, whole < 0, whole < 0 ? 0 - size : size, 0};
  }
  const double real = number.real();
  if (std::isnan(real)) return not_a_number();
  if (std::isinf(real)) return infinity(real < 0);
  if (real == 0) return {Kind::finite, std::signbit(real), 0, 0};
  char text[32];
  std::snprintf(text, sizeof text, "%.14e", real);
  return *parse_decimal(text);
}

std::optional<double> to_real(const Decimal& number) {
  const std::string text = decimal_text(number);
  double real = 0;
  const auto fault = std::from_chars(text.data(), text.data() + text.size(), real).ec;
  if (fault != std::errc()) return {};
  return real;
}

OwnedValue decimal_value(const Decimal& number) {
  std::uint64_t high = number.negative ? std::uint64_t{1} << 63 : 0, low = 0;
  if (number.kind == Kind::nan) {
    high = std::uint64_t{0x1f} << 58;
  } else if (number.kind == Kind::infinite) {
    high |= std::uint64_t{0x1e} << 58;
  } else {
    const int exponent = std::clamp(number.exponent, kLeastExponent, kMostExponent);
    high |= static_cast<std::uint64_t>(exponent + kExponentBias) << 49 |
            static_cast<std::uint64_t>(number.digits >> 64);
    low = static_cast<std::uint64_t>(number.digits);
  }
  std::string bytes(16, '\0');
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<char>(low >> (8 * i));
    bytes[8 + i] = static_cast<char>(high >> (8 * i));
  }
  return {Type::decimal128, std::move(bytes)};
}

std::optional<Decimal> parse_decimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "NaN") return not_a_number();
  if (text == "Infinity" || text == "inf") return infinity(negative);
  Digits digits;
  int exponent = 0;
  bool has_point = false, has_digit = false;
  std::size_t at = 0;
  for (; at < text.size() && ((text[at] >= '0' && text[at] <= '9') || text[at] == '.'); ++at) {
    if (text[at] == '.') {
      if (has_point) return {};
      has_point = true;
      continue;
    }
    has_digit = true;
    if (has_point) --exponent;
    digits.push_back(static_cast<char>(text[at] - '0'));
  }
  if (!has_digit || digits.size() > 10000) return {};
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return {};
    text.remove_prefix(at + 1);
    if (text.starts_with("+-")) return {};
    if (text.starts_with('+')) text.remove_prefix(1);
    int power = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), power);
    if (fault != std::errc() || end != text.data() + text.size() || std::abs(power) > 100000)
      return {};
    exponent += power;
  }
  strip(&digits);
  return rounded(negative, std::move(digits), exponent, false);
}

}  // namespace runtime::document
