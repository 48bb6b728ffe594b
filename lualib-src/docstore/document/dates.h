// Dates as MongoDB counts them, milliseconds since 1970, in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace runtime::document {

struct DateParts {
  std::int64_t year;
  int month, day;        // from 1
  int weekday, yearday;  // from 1; the week begins with Sunday
  int hour, minute, second, millisecond;
};
DateParts date_parts(std::int64_t ms);

// %Y %m %d %H %M %S %L %j %w %u %z %Z %%. Nothing for another letter.
std::optional<std::string> format_date(std::string_view format, std::int64_t ms);
// "2026-11-28T01:02:03.004Z", the form of $toString.
std::string iso_date(std::int64_t ms);
// That form, where time, fraction and zone ("Z", "+01:00") may be missing.
std::optional<std::int64_t> parse_iso_date(std::string_view text);

}  // namespace runtime::document
