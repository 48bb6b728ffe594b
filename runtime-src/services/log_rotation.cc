#include "services/log_rotation.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

namespace runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kStampLength = 15;  // of "20261125-094107"

int day_of(timespec when) {
  tm local = {};
  localtime_r(&when.tv_sec, &local);
  return local.tm_year * 400 + local.tm_yday;
}

std::string stamp(timespec now) {
  tm local = {};
  localtime_r(&now.tv_sec, &local);
  char text[32];
  strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

// What follows the name of the log and a dot in the names above, with .zst or without.
bool is_archive_suffix(std::string_view suffix) {
  if (suffix.ends_with(".zst")) suffix.remove_suffix(4);
  if (suffix.size() < kStampLength || suffix[8] != '-') return false;
  const auto digits = [](std::string_view text) { return std::ranges::all_of(text, is_digit); };
  const std::string_view rest = suffix.substr(kStampLength);
  return digits(suffix.substr(0, 8)) && digits(suffix.substr(9, 6)) &&
         (rest.empty() || (rest.size() > 1 && rest[0] == '.' && digits(rest.substr(1))));
}

bool is_free(const std::string& name) {
  std::error_code ignored;
  return !fs::exists(name, ignored) && !fs::exists(name + ".zst", ignored);
}

}  // namespace

void LogRotation::opened(std::uint64_t bytes, timespec written) {
  bytes_ = bytes;
  day_ = day_of(written);
}

bool LogRotation::is_due(std::size_t bytes, timespec now) {
  if (bytes_ == 0) {  // nothing to put aside
    day_ = day_of(now);
    return false;
  }
  if (options_.max_bytes != 0 && bytes_ + bytes > options_.max_bytes) return true;
  return options_.daily && day_of(now) != day_;
}

void LogRotation::put_off(timespec now) {
  bytes_ = 0;
  day_ = day_of(now);
}

std::string archive_name(const std::string& path, timespec now) {
  const std::string name = path + "." + stamp(now);
  if (is_free(name)) return name;
  for (int i = 2;; ++i) {
    std::string next = name + "." + std::to_string(i);
    if (is_free(next)) return next;
  }
}

std::vector<std::string> archives_of(const std::string& path) {
  const fs::path log(path);
  const fs::path folder = log.has_parent_path() ? log.parent_path() : fs::path(".");
  const std::string begin = log.filename().string() + ".";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(begin) && is_archive_suffix(std::string_view(name).substr(begin.size())))
      found.push_back((log.parent_path() / name).string());
  }
  // By time, and those of one second by number: ".2" is shorter than ".10".
  std::ranges::sort(found, [&](const std::string& a, const std::string& b) {
    const std::size_t stamp_end = path.size() + 1 + kStampLength;
    const int order = a.compare(0, stamp_end, b, 0, stamp_end);
    const auto number = [&](const std::string& name) {
      return name.size() > stamp_end ? std::atoi(name.c_str() + stamp_end + 1) : 1;
    };
    return order != 0 ? order < 0 : number(a) < number(b);
  });
  return found;
}

}  // namespace runtime
