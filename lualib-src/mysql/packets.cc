#include "mysql/packets.h"

#include "mysql/cursor.h"

namespace runtime::mysql {

namespace {

constexpr std::uint64_t kProtocol = 10;
constexpr std::size_t kScrambleHead = 8;
constexpr std::size_t kScrambleTail = 12;
constexpr std::size_t kLargestEnd = 8;  // bytes of an EOF packet; a length of 8 bytes takes more

bool begins_with(std::string_view packet, unsigned char first) {
  return !packet.empty() && static_cast<unsigned char>(packet.front()) == first;
}

template <class T>
std::optional<T> whole(const Cursor& cursor, T value) {
  if (cursor.failed()) return std::nullopt;
  return value;
}

// The text at the end of an OK packet has its length in front; some servers leave that out.
std::string_view message(std::string_view rest) {
  Cursor cursor(rest);
  const std::string_view text = cursor.text();
  return !cursor.failed() && cursor.at_end() ? text : rest;
}

}  // namespace

bool is_ok(std::string_view packet) { return begins_with(packet, 0); }
bool is_failure(std::string_view packet) { return begins_with(packet, 0xff); }
bool is_end(std::string_view packet) {
  return begins_with(packet, 0xfe) && packet.size() <= kLargestEnd;
}

std::optional<Greeting> parse_greeting(std::string_view packet) {
  Cursor cursor(packet);
  if (cursor.number(1) != kProtocol) return std::nullopt;
  Greeting greeting;
  greeting.version = cursor.until_zero();
  cursor.number(4);  // of the connection
  std::string_view part = cursor.bytes(kScrambleHead);
  part.copy(greeting.scramble.data(), part.size());
  cursor.number(1);
  greeting.capabilities = static_cast<std::uint32_t>(cursor.number(2));
  cursor.number(1);  // collation
  cursor.number(2);  // status
  greeting.capabilities |= static_cast<std::uint32_t>(cursor.number(2)) << 16;
  cursor.number(1);  // size of the scramble: all plugins that are known here have 20 bytes
  cursor.bytes(10);
  part = cursor.bytes(kScrambleTail);
  part.copy(greeting.scramble.data() + kScrambleHead, part.size());
  if (!cursor.at_end()) cursor.number(1);
  if ((greeting.capabilities & kPluginAuth) != 0 && !cursor.at_end()) {
    // Some servers leave the zero at the end out.
    const std::string_view rest = cursor.rest();
    greeting.plugin = rest.substr(0, rest.find('\0'));
  }
  return whole(cursor, greeting);
}

std::optional<Ok> parse_ok(std::string_view packet) {
  Cursor cursor(packet);
  cursor.number(1);
  Ok ok;
  ok.affected_rows = cursor.length();
  ok.insert_id = cursor.length();
  ok.status = static_cast<std::uint16_t>(cursor.number(2));
  ok.warnings = static_cast<std::uint16_t>(cursor.number(2));
  ok.message = message(cursor.rest());
  return whole(cursor, ok);
}

std::optional<Failure> parse_failure(std::string_view packet) {
  Cursor cursor(packet);
  cursor.number(1);
  Failure failure;
  failure.code = static_cast<std::uint16_t>(cursor.number(2));
  if (begins_with(cursor.rest(), '#')) {
    cursor.number(1);
    failure.state = cursor.bytes(5);
  }
  failure.text = cursor.rest();
  return whole(cursor, failure);
}

std::optional<Column> parse_column(std::string_view packet) {
  Cursor cursor(packet);
  cursor.text();  // catalog
  cursor.text();  // database
  cursor.text();  // table, as the query calls it
  cursor.text();  // table
  Column column;
  column.name = cursor.text();
  cursor.text();     // its name in the table
  cursor.length();   // of what follows
  cursor.number(2);  // collation
  cursor.number(4);  // greatest size
  column.type = static_cast<std::uint8_t>(cursor.number(1));
  column.flags = static_cast<std::uint16_t>(cursor.number(2));
  column.decimals = static_cast<std::uint8_t>(cursor.number(1));
  return whole(cursor, column);
}

std::optional<Prepared> parse_prepared(std::string_view packet) {
  Cursor cursor(packet);
  cursor.number(1);
  Prepared prepared;
  prepared.id = static_cast<std::uint32_t>(cursor.number(4));
  prepared.columns = static_cast<std::uint16_t>(cursor.number(2));
  prepared.parameters = static_cast<std::uint16_t>(cursor.number(2));
  cursor.number(1);
  prepared.warnings = static_cast<std::uint16_t>(cursor.number(2));
  return whole(cursor, prepared);
}

std::optional<Switch> parse_switch(std::string_view packet) {
  if (!begins_with(packet, 0xfe) || packet.size() == 1) return std::nullopt;
  Cursor cursor(packet.substr(1));
  Switch wanted;
  wanted.plugin = cursor.until_zero();
  wanted.scramble = cursor.rest();
  if (!wanted.scramble.empty() && wanted.scramble.back() == '\0') wanted.scramble.remove_suffix(1);
  return whole(cursor, wanted);
}

std::uint16_t status_of_end(std::string_view packet) {
  Cursor cursor(packet);
  cursor.number(1);
  cursor.number(2);  // warnings
  return static_cast<std::uint16_t>(cursor.number(2));
}

}  // namespace runtime::mysql
