#include "services/log_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "services/log_format.h"

namespace runtime {

namespace {

constexpr std::size_t kSecondsLength = 17;  // of "25/11/26 09:41:07"
constexpr std::chrono::milliseconds kLastWait{500};  // less than a node's end waits for its services

iovec part(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

}  // namespace

LogWriter::~LogWriter() {
  if (file_ >= 0) close(file_);
  output_.finish(kLastWait);
  if (file_ < 0 && lost_ != 0) {
    timespec now = {};
    clock_gettime(CLOCK_REALTIME, &now);
    go_on(now);
  }
}

bool LogWriter::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return false;
  if (file_ >= 0) close(file_);
  file_ = file;
  path_ = path;
  written_ = 0;
  torn_ = false;
  return true;
}

bool LogWriter::reopen() { return file_ < 0 || open(std::string(path_)); }

void LogWriter::write(std::uint32_t source, std::string_view text, timespec now) {
  std::string plain;
  if (style_.plain && text.find('\x1b') != text.npos) text = plain = without_colours(text);
  if (style_.json) {
    const std::string line = json_line(source, text, now);
    if (file_ < 0) {
      write_output({}, line, now);
    } else if (!tell_lost(now) || !write_file({part(line), part("\n"), part(""), part("")})) {
      ++lost_;
    }
    return;
  }
  char address[16];
  const auto length = std::snprintf(address, sizeof address, "[:%08x] ", source);
  const std::string_view from(address, static_cast<std::size_t>(length));
  if (file_ < 0) {
    write_output(from, text, now);
  } else if (!tell_lost(now) ||
             !write_file({part(stamp(now)), part(from), part(text), part("\n")})) {
    ++lost_;
  }
}

// Once lines are lost all are, until nothing waits any more: there is one place where some are missing, not many.
void LogWriter::write_output(std::string_view head, std::string_view text, timespec now) {
  if (lost_ != 0 || waiting() != 0) go_on(now);
  if (lost_ != 0 || !output_.add(head, text)) ++lost_;
}

void LogWriter::go_on(timespec now) {
  output_.go_on();
  if (lost_ == 0 || waiting() != 0 || file_ >= 0) return;
  if (output_.add({}, lost_line(now))) lost_ = 0;
}

std::string LogWriter::lost_line(timespec now) const {
  const std::string notice = "log: lines lost: " + std::to_string(lost_);
  return style_.json ? json_line(0, notice, now) : "[:00000000] " + notice;
}

// Says how many lines a file did not take. False: it does not take this one either.
bool LogWriter::tell_lost(timespec now) {
  if (lost_ == 0) return true;
  const std::string line = lost_line(now);
  const std::string_view when = style_.json ? std::string_view() : stamp(now);
  if (!write_file({part(when), part(line), part("\n"), part("")})) return false;
  lost_ = 0;
  return true;
}

// "DD/MM/YY HH:MM:SS.CC ". Within one second only the end changes, and localtime_r() is not asked.
std::string_view LogWriter::stamp(timespec now) {
  if (now.tv_sec != stamp_second_) {
    tm local = {};
    localtime_r(&now.tv_sec, &local);
    strftime(stamp_.data(), stamp_.size(), "%d/%m/%y %H:%M:%S.00 ", &local);
    stamp_second_ = now.tv_sec;
  }
  const auto hundredths = static_cast<int>(now.tv_nsec / 10'000'000);
  stamp_[kSecondsLength + 1] = static_cast<char>('0' + hundredths / 10);
  stamp_[kSecondsLength + 2] = static_cast<char>('0' + hundredths % 10);
  return {stamp_.data(), kSecondsLength + 4};
}

// False when not all could be written.
bool LogWriter::write_file(std::array<iovec, 4> parts) {
  if (torn_) {
    if (::write(file_, "\n", 1) != 1) return false;
    torn_ = false;
  }
  for (std::size_t first = 0; first < parts.size();) {
    const ssize_t wrote = writev(file_, &parts[first], static_cast<int>(parts.size() - first));
    if (wrote < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {  // a pipe or a terminal that somebody made non-blocking
        pollfd writable = {file_, POLLOUT, 0};
        poll(&writable, 1, -1);
        continue;
      }
      return false;
    }
    auto left = static_cast<std::size_t>(wrote);
    written_ += left;
    while (first < parts.size() && left >= parts[first].iov_len) left -= parts[first++].iov_len;
    if (first == parts.size()) break;
    torn_ = true;
    parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + left;
    parts[first].iov_len -= left;
  }
  torn_ = false;
  return true;
}

}  // namespace runtime
