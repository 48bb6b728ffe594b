#include "bson/object_id.h"

#include <unistd.h>

#include <atomic>
#include <ctime>
#include <random>

namespace runtime::bson {

namespace {

void put(char* to, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i, value >>= 8) to[i] = static_cast<char>(value);
}

std::uint32_t host_hash() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  std::uint32_t hash = 2166136261;  // FNV-1a
  for (const char* c = name; *c != '\0'; ++c) {
    hash = (hash ^ static_cast<unsigned char>(*c)) * 16777619;
  }
  return hash;
}

std::uint32_t first_count() {
  std::random_device random;
  return random();
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void make_object_id(char* id) noexcept {
  static const std::uint32_t host = host_hash();
  static const auto process = static_cast<std::uint32_t>(getpid());
  static std::atomic<std::uint32_t> count{first_count()};
  put(id, static_cast<std::uint32_t>(std::time(nullptr)), 4);
  put(id + 4, host, 3);
  put(id + 7, process, 2);
  put(id + 9, count.fetch_add(1, std::memory_order_relaxed), 3);
}

bool parse_object_id(std::string_view hex, char* id) noexcept {
  if (hex.size() != 2 * kObjectIdBytes) return false;
  for (std::size_t i = 0; i < kObjectIdBytes; ++i) {
    const int high = digit(hex[2 * i]);
    const int low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    id[i] = static_cast<char>(high << 4 | low);
  }
  return true;
}

void format_object_id(const char* id, char* hex) noexcept {
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < kObjectIdBytes; ++i) {
    const auto byte = static_cast<unsigned char>(id[i]);
    hex[2 * i] = kDigits[byte >> 4];
    hex[2 * i + 1] = kDigits[byte & 0xf];
  }
}

}  // namespace runtime::bson
