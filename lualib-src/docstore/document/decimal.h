// Decimal128 (the binary integer form of IEEE 754-2008, as BSON has it) beside binary numbers.
#pragma once

#include <cstdint>

#include "docstore/document/number.h"

namespace runtime::document {

// bits / 2^63 * 2^exponent; the first bit is 1.
struct BinaryFraction {
  int exponent;
  std::uint64_t bits;
};

// The greatest fraction that is not above the number's absolute value, which is finite and not 0. *is_exact: it is that
// value. Exact for every exponent, by long arithmetic.
BinaryFraction binary_fraction(const Decimal& number, bool* is_exact);

// The same number with 34 digits: equal numbers become alike, and those of one exponent compare by their digits.
// For what is finite and not 0.
Decimal with_all_digits(Decimal number);

}  // namespace runtime::document
