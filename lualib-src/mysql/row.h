// The values of one row, as a query (text) or a prepared statement (binary) gets them.
#pragma once

#include <cstdint>
#include <string_view>

#include "mysql/cursor.h"
#include "mysql/packets.h"

namespace runtime::mysql {

enum class Kind : std::uint8_t {
  null,
  integer,
  natural,  // an unsigned integer above 2^63 - 1
  real,
  whole,  // written without a fraction, but of a type that may have one: `integer` when it fits
  text,
};

// Not set to anything before it is read.
struct Value {
  Kind kind;
  std::int64_t integer;   // integer; and whole
  std::uint64_t natural;  // natural
  double real;            // real; and whole, rounded
  std::string_view text;  // text; valid until the next value is read
};

// Reads the number that `text` is, for a column that holds integers or one that may hold fractions. What is
// no number is null, as for Lua's tonumber().
void read_number(std::string_view text, bool may_have_fraction, Value& value);

class TextRow {
 public:
  explicit TextRow(std::string_view packet) : cursor_(packet) {}

  // The next value. False: the packet is cut short.
  bool next(const Column& column, Value& value);
  [[nodiscard]] bool at_end() const { return cursor_.at_end(); }

 private:
  Cursor cursor_;
};

class BinaryRow {
 public:
  BinaryRow(std::string_view packet, std::size_t columns);

  // The next value. False: the packet is cut short, or the type of the column is unknown.
  bool next(const Column& column, Value& value);
  [[nodiscard]] bool at_end() const { return cursor_.at_end(); }

 private:
  bool read_integer(const Column& column, std::size_t size, Value& value);
  bool read_time(const Column& column, Value& value);
  bool read_date(const Column& column, Value& value);

  Cursor cursor_;
  std::string_view nulls_;
  std::size_t index_ = 0;
  char written_[40];  // a date or time as text
};

}  // namespace runtime::mysql
