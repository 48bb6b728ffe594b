// The standard output of a node as a place for lines of the log. Who reads it may stop: a pipe is full then, a terminal
// stands. The log service must not stand with it, nor the worker that runs it.
//
// Threads: one at a time.
// Order:   lines keep theirs, and come after what the process has printed before to the same file. A regular file, and any
//          that takes a line at once, is written to before add() returns.
// Memory:  kMostWaiting bytes of lines that wait, or one line that is longer.
//
// What is written without a wait is at most PIPE_BUF bytes, after poll() has said that the file takes some: a pipe or a
// socket has room for so many then. A terminal may have room for less, so it is opened once more, without waiting. The file
// itself is not made non-blocking, as its other users, in other processes too, would find it so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace runtime {

class LogOutput {
 public:
  static constexpr std::size_t kMostWaiting = std::size_t{8} << 20;

  explicit LogOutput(std::FILE* file);
  LogOutput(const LogOutput&) = delete;
  LogOutput& operator=(const LogOutput&) = delete;
  ~LogOutput();

  // Writes the line `head` `text`, or keeps it until go_on(). False: so many bytes wait that it does neither.
  [[nodiscard]] bool add(std::string_view head, std::string_view text);

  // Writes of what waits as much as the file takes.
  void go_on();

  // The same, and waits for the file, up to `limit`. What is left then is given up.
  void finish(std::chrono::milliseconds limit);

  // The bytes that wait.
  std::size_t waiting() const { return waiting_.size() - done_; }

 private:
  bool takes_some(int limit_ms = 0) const;
  void write_waiting();

  std::FILE* const file_;
  const bool never_waits_;  // a regular file
  const int terminal_;      // of its own, or -1
  const int descriptor_;
  std::string waiting_;
  std::size_t done_ = 0;  // bytes of waiting_ that are written
};

}  // namespace runtime
