// Where the lines of a log go: standard output, or a file that they are appended to.
//
//   to standard output        [:00000008] text
//   to a file   25/11/26 09:41:07.03 [:00000008] text          local time, with 1/100 s
//   as JSON, to both          {"time":"2026-11-25T09:41:07.030+00:00","source":":00000008","text":"text"}
//
// Threads: one at a time.
// Each line is handed to the system as a whole before write() returns, unless standard output takes
// no more, as nobody reads it: then lines wait for go_on(). Lines that a file does not take (a full
// disk), or that are too many to wait, are lost, and counted: the next line that is written comes
// after one that says so.
#pragma once

#include <sys/uio.h>
#include <time.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "services/log_output.h"

namespace runtime {

struct LogStyle {
  bool json = false;
  bool plain = false;  // colours are taken out
};

class LogWriter {
 public:
  // To standard output, or another stream that takes its place.
  explicit LogWriter(std::FILE* output = stdout) : output_(output) {}
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;
  // Waits half a second at most for what waits.
  ~LogWriter();

  // Appends to the file `path` from now on. False leaves the reason in errno, and all as it was.
  [[nodiscard]] bool open(const std::string& path);

  // Opens the file anew by its name, which may have been given to another file or to none. False as
  // for open(). Does nothing for standard output.
  [[nodiscard]] bool reopen();

  void set_style(const LogStyle& style) { style_ = style; }

  // Empty for standard output.
  const std::string& path() const { return path_; }

  // Writes a line. `text` may hold any bytes; `now` is the time of day.
  void write(std::uint32_t source, std::string_view text, timespec now);

  // Writes of the lines that wait as many as standard output takes. `now` is the time of day.
  void go_on(timespec now);

  // Bytes of lines that wait.
  std::size_t waiting() const { return output_.waiting(); }

  // Bytes that the file has been given since it was opened.
  std::uint64_t written() const { return written_; }

 private:
  void write_output(std::string_view head, std::string_view text, timespec now);
  std::string lost_line(timespec now) const;
  bool tell_lost(timespec now);
  std::string_view stamp(timespec now);
  bool write_file(std::array<iovec, 4> parts);

  LogOutput output_;
  std::string path_;
  LogStyle style_;
  int file_ = -1;
  std::uint64_t written_ = 0;
  time_t stamp_second_ = -1;
  std::array<char, 32> stamp_;  // of stamp_second_
  bool torn_ = false;           // the file ends within a line
  std::uint64_t lost_ = 0;      // lines, since the last one that was written
};

}  // namespace runtime
