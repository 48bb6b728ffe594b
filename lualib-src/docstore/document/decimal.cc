#include "docstore/document/decimal.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace runtime::document {

namespace {

constexpr int kExponentBias = 6176;

unsigned __int128 power_of_ten(int exponent) {
  unsigned __int128 power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}
const unsigned __int128 kAboveAllDigits = power_of_ten(34);

// A natural number of any size: as much arithmetic as a change of base needs.
class Natural {
 public:
  explicit Natural(unsigned __int128 number) {
    for (; number != 0; number >>= 32) words_.push_back(static_cast<std::uint32_t>(number));
  }

  void multiply(std::uint32_t factor) {
    std::uint64_t carry = 0;
    for (std::uint32_t& word : words_) {
      carry += std::uint64_t{word} * factor;
      word = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) words_.push_back(static_cast<std::uint32_t>(carry));
  }

  // Gives the remainder.
  std::uint32_t divide(std::uint32_t divisor) {
    std::uint64_t rest = 0;
    for (std::size_t i = words_.size(); i-- > 0;) {
      rest = rest << 32 | words_[i];
      words_[i] = static_cast<std::uint32_t>(rest / divisor);
      rest %= divisor;
    }
    while (!words_.empty() && words_.back() == 0) words_.pop_back();
    return static_cast<std::uint32_t>(rest);
  }

  void append_zero_words(std::size_t count) { words_.insert(words_.begin(), count, 0); }

  int bit_count() const {
    return static_cast<int>(32 * words_.size()) - std::countl_zero(words_.back());
  }

  // The first 64 bits; *is_exact becomes false when there is a 1 behind them.
  std::uint64_t first_bits(bool* is_exact) const {
    const std::size_t count = words_.size();
    const auto word = [&](std::size_t from_front) -> unsigned __int128 {
      return from_front < count ? words_[count - 1 - from_front] : 0;
    };
    const int zeros = std::countl_zero(words_.back());
    const unsigned __int128 front = (word(0) << 96 | word(1) << 64 | word(2) << 32 | word(3))
                                    << zeros;
    if (static_cast<std::uint64_t>(front) != 0) *is_exact = false;
    for (std::size_t i = 0; i + 4 < count; ++i) {
      if (words_[i] != 0) *is_exact = false;
    }
    return static_cast<std::uint64_t>(front >> 64);
  }

 private:
  std::vector<std::uint32_t> words_;  // the least first
};

constexpr std::uint32_t kBillion = 1000000000;

std::uint32_t small_power_of_ten(int exponent) {
  return static_cast<std::uint32_t>(power_of_ten(exponent));
}

}  // namespace

Decimal decimal_of(const Value& value) {
  const auto low = bson::number_at<std::uint64_t>(value.bytes.data());
  const auto high = bson::number_at<std::uint64_t>(value.bytes.data() + 8);
  Decimal out;
  out.negative = high >> 63 != 0;
  if ((high >> 61 & 3) == 3) {
    // Infinity, NaN, or digits beyond 10^34, which count as 0.
    if ((high >> 59 & 0xf) == 0xf) {
      out.kind = (high >> 58 & 1) != 0 ? Decimal::Kind::nan : Decimal::Kind::infinite;
    } else {
      out.exponent = static_cast<int>(high >> 47 & 0x3fff) - kExponentBias;
    }
    return out;
  }
  out.exponent = static_cast<int>(high >> 49 & 0x3fff) - kExponentBias;
  out.digits = static_cast<unsigned __int128>(high & ((std::uint64_t{1} << 49) - 1)) << 64 | low;
  if (out.digits >= kAboveAllDigits) out.digits = 0;
  return out;
}

BinaryFraction binary_fraction(const Decimal& number, bool* is_exact) {
  *is_exact = true;
  Natural natural(number.digits);
  int shift = 0;
  int exponent = number.exponent;
  for (; exponent >= 9; exponent -= 9) natural.multiply(kBillion);
  if (exponent > 0) natural.multiply(small_power_of_ten(exponent));
  if (exponent < 0) {
    // A power of ten has 3.33 bits for each zero: behind the division at least 64 bits are left.
    const int words = (-exponent * 10 / 3 + 64) / 32 + 1;
    natural.append_zero_words(static_cast<std::size_t>(words));
    shift = 32 * words;
    for (; exponent <= -9; exponent += 9) *is_exact &= natural.divide(kBillion) == 0;
    if (exponent < 0) *is_exact &= natural.divide(small_power_of_ten(-exponent)) == 0;
  }
  const std::uint64_t bits = natural.first_bits(is_exact);
  return {natural.bit_count() - 1 - shift, bits};
}

Decimal with_all_digits(Decimal number) {
  while (number.digits < kAboveAllDigits / 10) {
    number.digits *= 10;
    --number.exponent;
  }
  return number;
}

std::string decimal_text(const Decimal& decimal) {
  const std::string sign = decimal.negative ? "-" : "";
  if (decimal.kind == Decimal::Kind::nan) return "NaN";
  if (decimal.kind == Decimal::Kind::infinite) return sign + "Infinity";
  std::string digits;
  for (unsigned __int128 rest = decimal.digits; rest != 0 || digits.empty(); rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  const int count = static_cast<int>(digits.size());
  const int scientific = decimal.exponent + count - 1;
  if (decimal.exponent > 0 || scientific < -6) {
    if (count > 1) digits.insert(1, ".");
    return sign + digits + (scientific < 0 ? "E" : "E+") + std::to_string(scientific);
  }
  if (decimal.exponent == 0) return sign + digits;
  const int whole = count + decimal.exponent;
  if (whole <= 0) return sign + "0." + std::string(static_cast<std::size_t>(-whole), '0') + digits;
  return sign + digits.insert(static_cast<std::size_t>(whole), ".");
}

}  // namespace runtime::document
