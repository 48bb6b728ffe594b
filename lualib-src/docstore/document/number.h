// Numbers of all four kinds: int32, int64, double and decimal128.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "docstore/document/error.h"
#include "docstore/document/value.h"

namespace runtime::document {

// Exact; NaN is least and equals NaN.
int compare_numbers(const Value& a, const Value& b);

// What the number is worth, as bytes that sort like it; the same for equal numbers of different kinds.
//
//   class: NaN, -infinity, negative, 0, positive, infinity (1 byte)
//   exponent of 2 (2 bytes, biased) | 64 bits, the first of which is 1 | 00, or 01 and
//   exponent of 10 (2 bytes, biased) | 34 digits (16 bytes) of a decimal128 that is no 64 bit binary fraction
//
// All but the class inverted for what is negative.
void append_number_key(const Value& number, std::string* key);

enum class Arithmetic { add, multiply };
// As updates do it: two integers stay integers, int32 becomes int64 where it must, a double makes a double, and a
// decimal128 a decimal128. Nothing when an int64 does not suffice.
std::optional<OwnedValue> calculate(Arithmetic operation, const Value& a, const Value& b);

// The number without its fraction. Nothing for NaN, and for what no int64 can be.
std::optional<std::int64_t> whole_part(const Value& number);

// The shortest digits that read back as the same double; "Infinity", "-Infinity", "NaN".
std::string real_text(double number);

// Parts of a decimal128.
struct Decimal {
  enum class Kind { finite, infinite, nan } kind = Kind::finite;
  bool negative = false;
  unsigned __int128 digits = 0;  // below 10^34
  int exponent = 0;              // of 10
};
Decimal decimal_of(const Value& value);
// "1.5E+10", as the IEEE names it.
std::string decimal_text(const Decimal& decimal);

}  // namespace runtime::document
