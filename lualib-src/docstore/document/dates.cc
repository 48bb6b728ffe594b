#include "docstore/document/dates.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace runtime::document {

namespace {

using namespace std::chrono;

constexpr std::int64_t kDayMs = 86400000;

// From the proleptic Gregorian calendar: days since 1970 to a date, for every int64 of milliseconds. <chrono> has years
// up to 32767 only.
void civil(std::int64_t days, DateParts* out) {
  days += 719468;  // since 0000-03-01
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<int>(days - era * 146097);
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted = (5 * day_of_year + 2) / 153;
  out->day = day_of_year - (153 * shifted + 2) / 5 + 1;
  out->month = shifted < 10 ? shifted + 3 : shifted - 9;
  out->year = year_of_era + era * 400 + (out->month <= 2 ? 1 : 0);
}

bool is_leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

std::string padded(std::int64_t number, int width) {
  char text[32];
  std::snprintf(text, sizeof text, "%0*lld", width, static_cast<long long>(number));
  return text;
}

// Takes `width` digits from the front.
bool take(std::string_view* text, std::size_t width, int* out) {
  if (text->size() < width) return false;
  const char* const end = text->data() + width;
  const auto [at, fault] = std::from_chars(text->data(), end, *out);
  if (fault != std::errc() || at != end || *out < 0) return false;
  text->remove_prefix(width);
  return true;
}
bool skip(std::string_view* text, char c) {
  if (!text->starts_with(c)) return false;
  text->remove_prefix(1);
  return true;
}

bool parse_time(std::string_view* text, std::int64_t* ms) {
  int hour = 0, minute = 0, second = 0;
  if (!take(text, 2, &hour) || !skip(text, ':') || !take(text, 2, &minute)) return false;
  if (skip(text, ':') && !take(text, 2, &second)) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  *ms = ((hour * 60 + minute) * 60 + second) * 1000LL;
  if (!skip(text, '.')) return true;
  int scale = 100;
  if (text->empty() || (*text)[0] < '0' || (*text)[0] > '9') return false;
  for (; !text->empty() && (*text)[0] >= '0' && (*text)[0] <= '9';
       text->remove_prefix(1), scale /= 10) {
    *ms += ((*text)[0] - '0') * scale;
  }
  return true;
}

bool parse_zone(std::string_view* text, std::int64_t* ms) {
  if (text->empty() || skip(text, 'Z')) return true;
  const int sign = skip(text, '+') ? 1 : skip(text, '-') ? -1 : 0;
  int hours = 0, minutes = 0;
  if (sign == 0 || !take(text, 2, &hours)) return false;
  skip(text, ':');
  if (!text->empty() && !take(text, 2, &minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  *ms -= sign * (hours * 60 + minutes) * 60000LL;
  return true;
}

}  // namespace

DateParts date_parts(std::int64_t ms) {
  std::int64_t days = ms / kDayMs;
  auto rest = static_cast<int>(ms % kDayMs);
  if (rest < 0) {
    rest += kDayMs;
    --days;
  }
  DateParts parts{};
  civil(days, &parts);
  constexpr int kDaysBefore[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  parts.yearday =
      kDaysBefore[parts.month - 1] + parts.day + (parts.month > 2 && is_leap(parts.year) ? 1 : 0);
  parts.weekday = static_cast<int>(((days % 7) + 7 + 4) % 7) + 1;  // 1970 began with a Thursday
  parts.hour = rest / 3600000;
  parts.minute = rest / 60000 % 60;
  parts.second = rest / 1000 % 60;
  parts.millisecond = rest % 1000;
  return parts;
}

std::optional<std::string> format_date(std::string_view format, std::int64_t ms) {
  const DateParts parts = date_parts(ms);
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    if (++i == format.size()) return {};
    switch (format[i]) {
      case 'Y': out += padded(parts.year, 4); break;
      case 'm': out += padded(parts.month, 2); break;
      case 'd': out += padded(parts.day, 2); break;
      case 'H': out += padded(parts.hour, 2); break;
      case 'M': out += padded(parts.minute, 2); break;
      case 'S': out += padded(parts.second, 2); break;
      case 'L': out += padded(parts.millisecond, 3); break;
      case 'j': out += padded(parts.yearday, 3); break;
      case 'w': out += padded(parts.weekday, 1); break;
      case 'u': out += padded(parts.weekday == 1 ? 7 : parts.weekday - 1, 1); break;
      case 'z': out += "+0000"; break;
      case 'Z': out += "+000"; break;
      case '%': out += '%'; break;
      default: return {};
    }
  }
  return out;
}

std::string iso_date(std::int64_t ms) { return *format_date("%Y-%m-%dT%H:%M:%S.%LZ", ms); }

std::optional<std::int64_t> parse_iso_date(std::string_view text) {
  int parts[3];
  if (!take(&text, 4, &parts[0]) || !skip(&text, '-') || !take(&text, 2, &parts[1]) ||
      !skip(&text, '-') || !take(&text, 2, &parts[2])) {
    return {};
  }
  const year_month_day date(year(parts[0]), month(static_cast<unsigned>(parts[1])),
                            day(static_cast<unsigned>(parts[2])));
  if (!date.ok()) return {};
  std::int64_t ms = sys_days(date).time_since_epoch().count() * kDayMs;
  if (skip(&text, 'T') || skip(&text, ' ')) {
    std::int64_t time = 0;
    if (!parse_time(&text, &time)) return {};
    ms += time;
    if (!parse_zone(&text, &ms)) return {};
  }
  if (!text.empty()) return {};
  return ms;
}

}  // namespace runtime::document
