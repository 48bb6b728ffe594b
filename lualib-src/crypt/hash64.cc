#include "crypt/hash64.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "crypt/digest.h"

namespace runtime::crypt {

namespace {

constexpr std::uint64_t kPrime = 0xffffffffffffffc5;  // 2^64 - 59, the largest prime of 64 bits
constexpr std::uint64_t kGenerator = 5;

std::uint64_t join(std::uint32_t low, std::uint32_t high) {
  return std::uint64_t{high} << 32 | low;
}
std::uint32_t low_half(std::uint64_t number) { return static_cast<std::uint32_t>(number); }
std::uint32_t high_half(std::uint64_t number) { return static_cast<std::uint32_t>(number >> 32); }

// RFC 1321, 3.4: T[i] is the integer part of 2^32 times |sin(i)|, i in radians from 1 on.
const std::array<std::uint32_t, 64>& sines() {
  static const std::array<std::uint32_t, 64> kTable = [] {
    std::array<std::uint32_t, 64> table;
    for (int i = 0; i < 64; ++i) {
      table[i] = static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(i + 1.0)) * 0x1p32));
    }
    return table;
  }();
  return kTable;
}

std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>(static_cast<Wide>(a) * b % kPrime);
}

// base^exponent modulo the prime; an exponent of 1 gives the base as it is.
std::uint64_t power(std::uint64_t base, std::uint64_t exponent) {
  std::uint64_t result = base;
  for (int bit = 62 - std::countl_zero(exponent); bit >= 0; --bit) {
    result = multiply(result, result);
    if (exponent >> bit & 1) result = multiply(result, base);
  }
  return result;
}

}  // namespace

std::uint64_t load_u64(const char* bytes) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

void store_u64(std::uint64_t number, char* out) {
  for (std::size_t i = 0; i < kU64Bytes; ++i, number >>= 8) out[i] = static_cast<char>(number);
}

std::uint64_t hash_key(std::string_view text) {
  std::uint32_t low = 5381;
  std::uint32_t high = 1315423911;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    low = low * 33 + byte;
    high ^= (high << 5) + byte + (high >> 2);
  }
  return join(low, high);
}

std::uint64_t hmac64(std::uint64_t x, std::uint64_t y) {
  // Round by round: how far a step rotates (four values in turn), and which word it takes.
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  constexpr struct { int factor, offset; } kWords[4] = {{1, 0}, {5, 1}, {3, 5}, {7, 0}};
  // The block repeats these four words, so the index of a word counts modulo 4 only.
  const std::uint32_t words[4] = {high_half(x), low_half(x), high_half(y), low_half(y)};
  const std::array<std::uint32_t, 64>& sine = sines();

  std::uint32_t a = 0x67452301, b = 0xefcdab89, c = 0x98badcfe, d = 0x10325476;
  for (int step = 0; step < 64; ++step) {
    const int round = step / 16;
    const std::uint32_t mixed = round == 0   ? (b & c) | (~b & d)
                                : round == 1 ? (d & b) | (~d & c)
                                : round == 2 ? b ^ c ^ d
                                             : c ^ (b | ~d);
    const std::uint32_t word = words[(kWords[round].factor * step + kWords[round].offset) % 4];
    const std::uint32_t sum = a + mixed + sine[step] + word;
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, kShifts[round][step % 4]);
  }
  return join(c ^ d, a ^ b);
}

std::optional<std::uint64_t> hmac64_md5(std::uint64_t x, std::uint64_t y) {
  char block[3 * 2 * kU64Bytes];
  for (std::size_t i = 0; i < sizeof block; i += 2 * kU64Bytes) {
    store_u64(x, block + i);
    store_u64(y, block + i + kU64Bytes);
  }
  char hash[kMd5Bytes];
  if (!digest(Digest::md5, {{block, sizeof block}}, hash)) return std::nullopt;
  return load_u64(hash) ^ load_u64(hash + kU64Bytes);
}

std::uint64_t dh_exchange(std::uint64_t key) { return power(kGenerator, key); }

std::uint64_t dh_secret(std::uint64_t other, std::uint64_t key) {
  if (other > kPrime) other -= kPrime;
  return power(other, key);
}

}  // namespace runtime::crypt
