#include "base/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace runtime {

namespace {

// The number that a pid file begins with; 0 when there is none.
pid_t read_pid(int file) {
  char text[32] = {};
  if (pread(file, text, sizeof text - 1, 0) <= 0) return 0;
  const long pid = std::strtol(text, nullptr, 10);
  return pid > 0 && pid <= INT32_MAX ? static_cast<pid_t>(pid) : 0;
}

// The living process, not this one, that the pid file names; 0 when there is none.
pid_t running_process(const std::string& pid_file) {
  const int file = open(pid_file.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const pid_t pid = read_pid(file);
  close(file);
  if (pid == 0 || pid == getpid()) return 0;
  return kill(pid, 0) == 0 || errno == EPERM ? pid : 0;
}

bool write_pid(int file) {
  const std::string text = std::to_string(getpid()) + "\n";
  return ftruncate(file, 0) == 0 &&
         pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

bool redirect_standard_files() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return false;
  bool done = true;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    done = dup2(null, standard) >= 0 && done;
  }
  if (null > STDERR_FILENO) close(null);
  return done;
}

}  // namespace

Daemon::~Daemon() {
  if (lock_ < 0) return;
  struct stat ours = {};
  struct stat there = {};
  if (fstat(lock_, &ours) == 0 && stat(pid_file_.c_str(), &there) == 0 &&
      ours.st_ino == there.st_ino && ours.st_dev == there.st_dev) {
    unlink(pid_file_.c_str());
  }
  close(lock_);
}

std::string Daemon::start(const std::string& pid_file) {
  if (const pid_t pid = running_process(pid_file); pid != 0) {
    return "Skynet is already running, pid = " + std::to_string(pid) + ".";
  }

  std::fflush(nullptr);  // or both processes write what is buffered
  const pid_t child = fork();
  if (child < 0) return std::string("Can't daemonize: ") + std::strerror(errno);
  if (child > 0) _exit(0);
  setsid();

  const int file = open(pid_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return "Can't create pidfile [" + pid_file + "].";
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    const pid_t holder = read_pid(file);
    close(file);
    return "Can't lock pidfile, lock is held by pid " + std::to_string(holder) + ".";
  }
  if (!write_pid(file)) {
    close(file);
    return "Can't write pidfile [" + pid_file + "]: " + std::strerror(errno);
  }
  pid_file_ = pid_file;
  lock_ = file;
  if (!redirect_standard_files()) return "Can't redirect standard files to /dev/null.";
  return {};
}

}  // namespace runtime
