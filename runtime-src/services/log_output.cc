#include "services/log_output.h"

#include <fcntl.h>
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

// The terminal behind `descriptor`, opened so that a write to it never waits; -1: it is none, or cannot be opened.
int open_terminal(int descriptor) {
  if (isatty(descriptor) == 0) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

constexpr std::size_t kKept = 65536;  // bytes of a buffer in which nothing waits any more

}  // namespace

LogOutput::LogOutput(std::FILE* file)
    : file_(file),
      never_waits_(is_regular(fileno(file))),
      terminal_(open_terminal(fileno(file))),
      descriptor_(terminal_ >= 0 ? terminal_ : fileno(file)) {}

LogOutput::~LogOutput() {
  if (terminal_ >= 0) close(terminal_);
}

bool LogOutput::add(std::string_view head, std::string_view text) {
  if (never_waits_) {
    flockfile(file_);
    fwrite_unlocked(head.data(), 1, head.size(), file_);
    fwrite_unlocked(text.data(), 1, text.size(), file_);
    putc_unlocked('\n', file_);
    fflush_unlocked(file_);
    funlockfile(file_);
    return true;
  }
  if (waiting() != 0 && waiting() + head.size() + text.size() >= kMostWaiting) return false;
  if (done_ > waiting_.size() / 2) {
    waiting_.erase(0, done_);
    done_ = 0;
  }
  waiting_.append(head).append(text).push_back('\n');
  go_on();
  return true;
}

// Whoever prints may be inside a write that nobody reads, and then has the lock of the file.
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
  if (waiting_.capacity() > kKept) std::string().swap(waiting_);
  waiting_.clear();
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
  waiting_.clear();
  done_ = 0;
}

bool LogOutput::takes_some(int limit_ms) const {
  pollfd file = {descriptor_, POLLOUT, 0};
  return poll(&file, 1, limit_ms) > 0;
}

}  // namespace runtime
