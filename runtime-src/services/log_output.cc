#include "services/log_output.h"

#include <limits.h>
#include <poll.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace runtime {

namespace {

bool is_regular(int descriptor) {
  struct stat info = {};
  return fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

void print_line(std::FILE* file, std::string_view head, std::string_view text) {
  fwrite_unlocked(head.data(), 1, head.size(), file);
  fwrite_unlocked(text.data(), 1, text.size(), file);
  putc_unlocked('\n', file);
  fflush_unlocked(file);
}

}  // namespace

LogOutput::LogOutput(std::FILE* file)
    : file_(file), descriptor_(fileno(file)), never_waits_(is_regular(descriptor_)) {}

bool LogOutput::add(std::string_view head, std::string_view text) {
  if (waiting() == 0 && add_at_once(head, text)) return true;
  const std::size_t size = head.size() + text.size() + 1;
  if (waiting() != 0 && waiting() + size > kMostWaiting) return false;
  if (done_ > waiting_.size() / 2) {
    waiting_.erase(0, done_);
    done_ = 0;
  }
  waiting_.append(head).append(text).push_back('\n');
  go_on();
  return true;
}

// Whoever prints may be inside a write that nobody reads, and then has the lock of the file.
bool LogOutput::add_at_once(std::string_view head, std::string_view text) {
  if (never_waits_) {
    flockfile(file_);
    print_line(file_, head, text);
    funlockfile(file_);
    return true;
  }
  if (ftrylockfile(file_) != 0) return false;
  // What was printed and has not left yet goes with it.
  const bool fits = __fpending(file_) + head.size() + text.size() + 1 <= PIPE_BUF && takes_some();
  if (fits) print_line(file_, head, text);
  funlockfile(file_);
  return fits;
}

void LogOutput::go_on() {
  if (waiting() == 0 || ftrylockfile(file_) != 0) return;
  if (__fpending(file_) == 0) {
    write_waiting();
  } else if (takes_some()) {  // printed earlier
    fflush_unlocked(file_);
    write_waiting();
  }
  funlockfile(file_);
}

// The caller holds the lock of the file.
void LogOutput::write_waiting() {
  while (waiting() != 0 && takes_some()) {
    const std::size_t size = std::min<std::size_t>(waiting(), PIPE_BUF);
    const ssize_t wrote = ::write(descriptor_, waiting_.data() + done_, size);
    if (wrote >= 0) {
      done_ += static_cast<std::size_t>(wrote);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      done_ = waiting_.size();  // the reader has gone
    }
  }
  if (waiting() != 0) return;
  std::string().swap(waiting_);
  done_ = 0;
}

void LogOutput::finish(std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  for (go_on(); waiting() != 0; go_on()) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) break;
    // Somebody who prints may have the lock of a file that takes more.
    const std::size_t before = waiting();
    if (takes_some(static_cast<int>(left.count()))) go_on();
    if (waiting() == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::string().swap(waiting_);
  done_ = 0;
}

bool LogOutput::takes_some(int limit_ms) const {
  pollfd file = {descriptor_, POLLOUT, 0};
  return poll(&file, 1, limit_ms) > 0;
}

}  // namespace runtime
