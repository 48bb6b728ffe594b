// When the file of a log is put aside, and under which name.
//
//   node.log.20261125-094107      put aside on 25 November 2026 at 09:41:07 local time
//   node.log.20261125-094107.2    a second one in the same second
//
// Threads: one at a time.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace runtime {

struct LogRotationOptions {
  std::uint64_t max_bytes = 0;  // 0: of any size
  bool daily = false;
};

class LogRotation {
 public:
  explicit LogRotation(const LogRotationOptions& options) : options_(options) {}

  // The file that is open now: its size, and when it was last written to; a new one was written to now.
  void opened(std::uint64_t bytes, timespec written);
  // Whether the file is put aside before a line of `bytes` is written.
  bool is_due(std::size_t bytes, timespec now);
  void wrote(std::size_t bytes) { bytes_ += bytes; }
  // The file could not be put aside: it is tried again after as much again, or tomorrow.
  void put_off(timespec now);

 private:
  const LogRotationOptions options_;
  std::uint64_t bytes_ = 0;  // in the file, as far as max_bytes is concerned
  int day_ = 0;              // of the file's lines, local
};

// A name for the file `path` that is put aside, which no file has yet.
std::string archive_name(const std::string& path, timespec now);

// The files of `path` that have been put aside, compressed or not, the oldest first.
std::vector<std::string> archives_of(const std::string& path);

}  // namespace runtime
