// The hashes of 64 bits that the login protocol uses. They are skynet's own; no library has them.
//
// A number on the wire is 8 bytes, the lowest first. None of this is strong by today's measure: it
// is what deployed clients speak.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace runtime::crypt {

constexpr std::size_t kU64Bytes = 8;

std::uint64_t load_u64(const char* bytes);
void store_u64(std::uint64_t number, char* out);

// Two string hashes side by side: the lower half is h = h * 33 + c, the upper h ^= h * 32 + c + h /
// 4.
std::uint64_t hash_key(std::string_view text);

// MD5's 64 steps over one block filled with x and y; its final addition of the start state is left
// out.
std::uint64_t hmac64(std::uint64_t x, std::uint64_t y);

// MD5 of x and y, three times over, folded to half its size. Nothing when there is no MD5.
std::optional<std::uint64_t> hmac64_md5(std::uint64_t x, std::uint64_t y);

// Diffie-Hellman modulo 2^64 - 59 with the generator 5. No argument is 0.
std::uint64_t dh_exchange(std::uint64_t key);
std::uint64_t dh_secret(std::uint64_t other, std::uint64_t key);

}  // namespace runtime::crypt
