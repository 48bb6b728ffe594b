#include "mysql/row.h"

#include <bit>
#include <charconv>
#include <limits>
#include <system_error>

namespace runtime::mysql {

namespace {

// In front of the bits of the columns, which tell where a value is missing.
constexpr std::size_t kReservedBits = 2;

enum class Class { integer, fraction, text };

Class class_of(std::uint8_t type) {
  switch (type) {
    case kTiny:
    case kShort:
    case kLong:
    case kLongLong:
    case kInt24:
    case kYear: return Class::integer;
    case kFloat:
    case kDouble:
    case kDecimal:
    case kNewDecimal: return Class::fraction;
    default: return Class::text;
  }
}

// Types whose values have their length in front.
bool has_length(std::uint8_t type) {
  return type == kVarchar || type == kBit || type == kVector ||
         (type >= kJson && type <= kGeometry);
}

template <class T>
bool is_number(std::string_view text, T& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && stop == end;
}

Value text_value(std::string_view text) {
  Value value;
  value.kind = Kind::text;
  value.text = text;
  return value;
}

Value from_natural(std::uint64_t number) {
  Value value;
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value.kind = Kind::integer;
    value.integer = static_cast<std::int64_t>(number);
  } else {
    value.kind = Kind::natural;
    value.natural = number;
  }
  return value;
}

std::int64_t sign_extended(std::uint64_t number, std::size_t size) {
  const auto unused = static_cast<unsigned>(64 - 8 * size);
  return static_cast<std::int64_t>(number << unused) >> unused;
}

// Writes dates and times.
class Writer {
 public:
  explicit Writer(char* out) : begin_(out), end_(out) {}

  void put(char c) { *end_++ = c; }
  // With zeros in front, up to `width` digits; a larger number takes more.
  void put(std::uint64_t number, int width) {
    char digits[20];
    const char* const stop = std::to_chars(digits, digits + sizeof digits, number).ptr;
    for (auto have = stop - digits; have < width; ++have) put('0');
    for (const char* p = digits; p < stop; ++p) put(*p);
  }
  // As many digits of a fraction as the column has, as the server writes them in the text protocol.
  void put_fraction(std::uint64_t microseconds, std::uint8_t decimals) {
    if (decimals > 6) decimals = microseconds == 0 ? 0 : 6;
    if (decimals == 0 && microseconds != 0) decimals = 6;
    if (decimals == 0) return;
    put('.');
    char* const begin = end_;
    put(microseconds, 6);
    end_ = begin + decimals;
  }
  [[nodiscard]] Value value() const {
    return text_value({begin_, static_cast<std::size_t>(end_ - begin_)});
  }

 private:
  char* begin_;
  char* end_;
};

}  // namespace

Value read_number(std::string_view text, bool may_have_fraction) {
  Value value;
  if (is_number(text, value.integer)) {
    value.kind = may_have_fraction ? Kind::whole : Kind::integer;
    if (may_have_fraction) value.real = static_cast<double>(value.integer);
    return value;
  }
  if (!may_have_fraction && is_number(text, value.natural)) {
    value.kind = Kind::natural;
    return value;
  }
  // from_chars() also knows inf and nan, which Lua does not.
  const bool begins_well =
      !text.empty() && (text[0] == '-' || text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
  if (begins_well && (text.size() == 1 || text[1] < 'A' || text[1] == 'e' || text[1] == 'E') &&
      is_number(text, value.real)) {
    value.kind = Kind::real;
  }
  return value;
}

bool TextRow::next(const Column& column, Value& value) {
  if (cursor_.null()) {
    value = Value{};
    return true;
  }
  const std::string_view text = cursor_.text();
  const Class kind = class_of(column.type);
  value = kind == Class::text ? text_value(text) : read_number(text, kind == Class::fraction);
  return !cursor_.failed();
}

BinaryRow::BinaryRow(std::string_view packet, std::size_t columns) : cursor_(packet) {
  if (cursor_.number(1) != 0) cursor_.fail();
  nulls_ = cursor_.bytes((columns + kReservedBits + 7) / 8);
}

bool BinaryRow::next(const Column& column, Value& value) {
  if (cursor_.failed()) return false;
  const std::size_t bit = index_++ + kReservedBits;
  value = Value{};
  if (((static_cast<unsigned char>(nulls_[bit / 8]) >> bit % 8) & 1) != 0) return true;
  switch (column.type) {
    case kNullType: return true;
    case kTiny: return read_integer(column, 1, value);
    case kShort:
    case kYear: return read_integer(column, 2, value);
    case kLong:
    case kInt24: return read_integer(column, 4, value);
    case kLongLong: return read_integer(column, 8, value);
    case kFloat:
      value.kind = Kind::real;
      value.real = std::bit_cast<float>(static_cast<std::uint32_t>(cursor_.number(4)));
      break;
    case kDouble:
      value.kind = Kind::real;
      value.real = std::bit_cast<double>(cursor_.number(8));
      break;
    case kDecimal:
    case kNewDecimal: value = read_number(cursor_.text(), true); break;
    case kTime: return read_time(column, value);
    case kDate:
    case kDatetime:
    case kTimestamp: return read_date(column, value);
    default:
      if (!has_length(column.type)) return false;
      value = text_value(cursor_.text());
  }
  return !cursor_.failed();
}

bool BinaryRow::read_integer(const Column& column, std::size_t size, Value& value) {
  const std::uint64_t number = cursor_.number(size);
  if (column.is_unsigned()) {
    value = from_natural(number);
  } else {
    value.kind = Kind::integer;
    value.integer = sign_extended(number, size);
  }
  return !cursor_.failed();
}

// What is 0 at the end is left out of the packet.
bool BinaryRow::read_date(const Column& column, Value& value) {
  Cursor field(cursor_.bytes(cursor_.number(1)));
  Writer out(written_);
  const auto part = [&field](std::size_t size) { return field.at_end() ? 0 : field.number(size); };
  out.put(part(2), 4);
  for (int i = 0; i < 2; ++i) {
    out.put('-');
    out.put(part(1), 2);
  }
  if (column.type != kDate) {
    for (const char separator : {' ', ':', ':'}) {
      out.put(separator);
      out.put(part(1), 2);
    }
    out.put_fraction(part(4) % 1'000'000, column.decimals);
  }
  value = out.value();
  return !field.failed() && !cursor_.failed();
}

bool BinaryRow::read_time(const Column& column, Value& value) {
  Cursor field(cursor_.bytes(cursor_.number(1)));
  Writer out(written_);
  const auto part = [&field](std::size_t size) { return field.at_end() ? 0 : field.number(size); };
  if (part(1) != 0) out.put('-');
  const std::uint64_t days = part(4);
  out.put(days * 24 + part(1), 2);
  for (int i = 0; i < 2; ++i) {
    out.put(':');
    out.put(part(1), 2);
  }
  out.put_fraction(part(4) % 1'000'000, column.decimals);
  value = out.value();
  return !field.failed() && !cursor_.failed();
}

}  // namespace runtime::mysql
