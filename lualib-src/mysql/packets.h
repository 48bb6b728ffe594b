// The packets of MySQL's protocol 10, without those that hold rows (row.h). Views point into the
// packet.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace runtime::mysql {

// Bits of the capabilities that either side announces.
enum Capability : std::uint32_t {
  kTls = 0x800,
  kPluginAuth = 0x80000,
};

// Bits of the server's status.
inline constexpr std::uint16_t kMoreResults = 8;

// Bits of a column's flags.
inline constexpr std::uint16_t kUnsigned = 0x20;

enum Type : std::uint8_t {
  kDecimal = 0,
  kTiny = 1,
  kShort = 2,
  kLong = 3,
  kFloat = 4,
  kDouble = 5,
  kNullType = 6,
  kTimestamp = 7,
  kLongLong = 8,
  kInt24 = 9,
  kDate = 10,
  kTime = 11,
  kDatetime = 12,
  kYear = 13,
  kVarchar = 15,
  kBit = 16,
  kVector = 242,
  kJson = 245,
  kNewDecimal = 246,
  kGeometry = 255,
};

struct Greeting {
  std::string_view version;
  std::uint32_t capabilities = 0;
  std::array<char, 20> scramble{};
  std::string_view plugin;  // "" when the server does not say
};

struct Ok {
  std::uint64_t affected_rows = 0;
  std::uint64_t insert_id = 0;
  std::uint16_t status = 0;
  std::uint16_t warnings = 0;
  std::string_view message;
};

struct Failure {
  std::uint16_t code = 0;
  std::string_view state;  // 5 characters, or "" when the server says none
  std::string_view text;
};

struct Column {
  std::string name;
  std::uint8_t type = 0;
  std::uint16_t flags = 0;
  std::uint8_t decimals = 0;
  [[nodiscard]] bool is_unsigned() const { return (flags & kUnsigned) != 0; }
};

struct Prepared {
  std::uint32_t id = 0;
  std::uint16_t columns = 0;
  std::uint16_t parameters = 0;
  std::uint16_t warnings = 0;
};

struct Switch {
  std::string_view plugin;
  std::string_view scramble;
};

// What begins a packet.
[[nodiscard]] bool is_ok(std::string_view packet);
[[nodiscard]] bool is_failure(std::string_view packet);
[[nodiscard]] bool is_end(std::string_view packet);  // EOF

// Nothing: the packet is no such one, or not whole.
std::optional<Greeting> parse_greeting(std::string_view packet);
std::optional<Ok> parse_ok(std::string_view packet);
std::optional<Failure> parse_failure(std::string_view packet);
std::optional<Column> parse_column(std::string_view packet);
std::optional<Prepared> parse_prepared(std::string_view packet);
std::optional<Switch> parse_switch(std::string_view packet);
// The server's status in an EOF packet.
std::uint16_t status_of_end(std::string_view packet);

}  // namespace runtime::mysql
