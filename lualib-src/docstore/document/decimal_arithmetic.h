// Arithmetic with decimal128, as IEEE 754-2008 has it: 34 digits, what does not fit is rounded to the nearest, of two to
// the even one. A result that is exact keeps the exponent that its operands suggest ("1.50" + "1.50" is "3.00").
#pragma once

#include "docstore/document/decimal.h"
#include "docstore/document/number.h"
#include "docstore/document/value.h"

namespace runtime::document {

Decimal add(const Decimal& a, const Decimal& b);
Decimal multiply(const Decimal& a, const Decimal& b);
Decimal divide(const Decimal& a, const Decimal& b);
inline Decimal negated(Decimal number) {
  number.negative = !number.negative;
  return number;
}

// Of a number of any kind. A double has 15 digits that can be relied on: 2.5 is 2.50000000000000.
Decimal to_decimal(const Value& number);
OwnedValue decimal_value(const Decimal& number);
// The nearest double. Nothing where that would be infinity, or 0, and the number is neither.
std::optional<double> to_real(const Decimal& number);
// Of what decimal_text() writes, and its like. Nothing: it is no number.
std::optional<Decimal> parse_decimal(std::string_view text);

}  // namespace runtime::document
