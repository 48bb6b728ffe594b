// Daemon mode: the process leaves its terminal and keeps a file with its process id.
//
// The pid file is locked (flock) as long as the process lives, so that two nodes cannot share one;
// a file that a dead process left behind is taken over.
#pragma once

#include <string>

namespace runtime {

class Daemon {
 public:
  Daemon() = default;
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  // Removes the pid file, unless somebody has put another one in its place.
  ~Daemon();

  // Detaches the process, before it has any thread. What returns is a child in a session of its
  // own: the caller's process has exited with 0, unless a living process is in the file already.
  // The current folder stays; standard input, output and error are /dev/null from here on.
  // An empty text means success. Otherwise it is the reason, and standard error is still there.
  [[nodiscard]] std::string start(const std::string& pid_file);

 private:
  std::string pid_file_;
  int lock_ = -1;  // the open pid file
};

}  // namespace runtime
