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

void set_text(Value& value, std::string_view text) {
  value.kind = Kind::text;
  value.text = text;
}

void set_natural(Value& value, std::uint64_t number) {
  if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    value.kind = Kind::integer;
    value.integer = static_cast<std::int64_t>(number);
  } else {
    value.kind = Kind::natural;
    value.natural = number;
  }
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
  [[nodiscard]] std::string_view text() const {
    return {begin_, static_cast<std::size_t>(end_ - begin_)};
  }

 private:
  char* begin_;
  char* end_;
};

void set_whole(Value& value, std::int64_t number, bool may_have_fraction) {
  value.kind = may_have_fraction ? Kind::whole : Kind::integer;
  value.integer = number;
  if (may_have_fraction) value.real = static_cast<double>(number);
}

// Adds the digits up to `end`, or what is none, to the number.
const char* add_digits(const char* at, const char* end, std::int64_t& number) {
  for (; at != end; ++at) {
    const unsigned digit = static_cast<unsigned char>(*at) - unsigned{'0'};
    if (digit > 9) break;
    number = number * 10 + static_cast<int>(digit);
  }
  return at;
}

// The usual numbers: up to 15 digits, perhaps with a sign before and a point among them. Such digits, and the power of ten
// that they are divided by, are exact as doubles, so the quotient is the nearest one. False: it is another one, or none.
bool read_short_number(std::string_view text, bool may_have_fraction, Value& value) {
  constexpr std::size_t kDigits = 15;
  constexpr double kPowers[kDigits + 1] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                           1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const bool negative = !text.empty() && text.front() == '-';
  if (negative) text.remove_prefix(1);
  if (text.size() - 1 >= kDigits) return false;
  const char* const end = text.data() + text.size();
  std::int64_t digits = 0;
  const char* const point = add_digits(text.data(), end, digits);
  if (point == end) {
    set_whole(value, negative ? -digits : digits, may_have_fraction);
    return true;
  }
  if (!may_have_fraction || *point != '.' || point == text.data() || point + 1 == end ||
      add_digits(point + 1, end, digits) != end)
    return false;
  const double number = static_cast<double>(digits) / kPowers[end - point - 1];
  value.kind = Kind::real;
  value.real = negative ? -number : number;
  return true;
}

}  // namespace

void read_number(std::string_view text, bool may_have_fraction, Value& value) {
  if (read_short_number(text, may_have_fraction, value)) return;
  if (is_number(text, value.integer)) return set_whole(value, value.integer, may_have_fraction);
  if (!may_have_fraction && is_number(text, value.natural)) {
    value.kind = Kind::natural;
    return;
  }
  // from_chars() also knows inf and nan, which Lua does not.
  const bool begins_well =
      !text.empty() && (text[0] == '-' || text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
  const bool is_real = begins_well &&
                       (text.size() == 1 || text[1] < 'A' || text[1] == 'e' || text[1] == 'E') &&
                       is_number(text, value.real);
  value.kind = is_real ? Kind::real : Kind::null;
}

bool TextRow::next(const Column& column, Value& value) {
  if (cursor_.null()) {
    value.kind = Kind::null;
    return true;
  }
  const std::string_view text = cursor_.text();
  const Class kind = class_of(column.type);
  if (kind == Class::text) {
    set_text(value, text);
  } else {
    read_number(text, kind == Class::fraction, value);
  }
  return !cursor_.failed();
}

BinaryRow::BinaryRow(std::string_view packet, std::size_t columns) : cursor_(packet) {
  if (cursor_.number(1) != 0) cursor_.fail();
  nulls_ = cursor_.bytes((columns + kReservedBits + 7) / 8);
}

bool BinaryRow::next(const Column& column, Value& value) {
  if (cursor_.failed()) return false;
  const std::size_t bit = index_++ + kReservedBits;
  value.kind = Kind::null;
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
    case kNewDecimal: read_number(cursor_.text(), true, value); break;
    case kTime: return read_time(column, value);
    case kDate:
    case kDatetime:
    case kTimestamp: return read_date(column, value);
    default:
      if (!has_length(column.type)) return false;
      set_text(value, cursor_.text());
  }
  return !cursor_.failed();
}

bool BinaryRow::read_integer(const Column& column, std::size_t size, Value& value) {
  const std::uint64_t number = cursor_.number(size);
  if (column.is_unsigned()) {
    set_natural(value, number);
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
  set_text(value, out.text());
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
  set_text(value, out.text());
  return !field.failed() && !cursor_.failed();
}

}  // namespace runtime::mysql
