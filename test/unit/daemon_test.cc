#include "base/daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace runtime {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Runs daemons in processes of their own. A daemon tells on one pipe that it has started, and ends
// when the test closes the other.
class DaemonTest : public testing::Test {
 protected:
  DaemonTest() {
    std::string pattern = testing::TempDir() + "daemon-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    pid_file_ = folder_ / "node.pid";
  }
  ~DaemonTest() override { fs::remove_all(folder_); }

  // Starts a daemon. The exit status of the process that started it.
  int start(const fs::path& pid_file) {
    EXPECT_EQ(pipe2(told_, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(end_, O_CLOEXEC), 0);
    const pid_t child = fork();
    if (child == 0) run_daemon(pid_file);
    close(told_[1]);
    close(end_[0]);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status);
  }

  // Waits for the daemon. True when it runs, and false when it has given up.
  bool wait_started() {
    char byte;
    return read(told_[0], &byte, 1) == 1;
  }

  // Lets the daemon end, and waits until it has.
  void stop() {
    close(end_[1]);
    char byte;
    EXPECT_EQ(read(told_[0], &byte, 1), 0);
    close(told_[0]);
  }

  std::string errors() const { return slurp(folder_ / "stderr"); }

  fs::path folder_;
  fs::path pid_file_;

 private:
  [[noreturn]] void run_daemon(const fs::path& pid_file) {
    close(end_[1]);
    if (std::freopen((folder_ / "stderr").c_str(), "w", stderr) == nullptr) _exit(9);
    {
      Daemon daemon;
      const std::string error = daemon.start(pid_file);
      if (!error.empty()) {
        std::fputs(error.c_str(), stderr);
        std::fflush(stderr);
        _exit(1);
      }
      char byte = 0;
      if (write(told_[1], &byte, 1) != 1) _exit(2);
      while (read(end_[0], &byte, 1) != 0) {
      }
    }
    _exit(0);
  }

  int told_[2] = {-1, -1};
  int end_[2] = {-1, -1};
};

TEST_F(DaemonTest, ADaemonLivesInASessionOfItsOwnAndCleansUp) {
  EXPECT_EQ(start(pid_file_), 0);
  ASSERT_TRUE(wait_started()) << errors();
  const std::string pid_line = slurp(pid_file_);
  const pid_t pid = std::atoi(pid_line.c_str());
  EXPECT_EQ(pid_line, std::to_string(pid) + "\n");
  EXPECT_EQ(kill(pid, 0), 0);
  EXPECT_EQ(getsid(pid), pid);
  const fs::path proc = "/proc/" + std::to_string(pid);
  for (const char* standard : {"fd/0", "fd/1", "fd/2"}) {
    EXPECT_EQ(fs::read_symlink(proc / standard), "/dev/null");
  }
  EXPECT_EQ(fs::read_symlink(proc / "cwd"), fs::current_path());
  stop();
  EXPECT_FALSE(fs::exists(pid_file_));
}

TEST_F(DaemonTest, ASecondDaemonIsRefused) {
  ASSERT_EQ(start(pid_file_), 0);
  ASSERT_TRUE(wait_started());
  const pid_t pid = std::atoi(slurp(pid_file_).c_str());
  Daemon second;
  EXPECT_EQ(second.start(pid_file_),
            "Skynet is already running, pid = " + std::to_string(pid) + ".");
  stop();
}

TEST_F(DaemonTest, AStalePidFileIsOverwrittenWhole) {
  std::ofstream(pid_file_) << "2147483646\nand more\n";
  ASSERT_EQ(start(pid_file_), 0);
  ASSERT_TRUE(wait_started()) << errors();
  EXPECT_EQ(slurp(pid_file_), std::to_string(std::atoi(slurp(pid_file_).c_str())) + "\n");
  stop();
}

TEST_F(DaemonTest, APidFileWithoutANumberIsStale) {
  std::ofstream(pid_file_) << "not a number";
  ASSERT_EQ(start(pid_file_), 0);
  ASSERT_TRUE(wait_started()) << errors();
  stop();
}

TEST_F(DaemonTest, APidFileThatCannotBeCreatedIsNamedByTheChild) {
  const fs::path missing = folder_ / "no-such-folder" / "pid";
  EXPECT_EQ(start(missing), 0);
  EXPECT_FALSE(wait_started());
  EXPECT_EQ(errors(), "Can't create pidfile [" + missing.string() + "].");
}

TEST_F(DaemonTest, ALockedPidFileIsLeftAlone) {
  std::ofstream(pid_file_) << "2147483646\n";
  const int lock = open(pid_file_.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(lock, LOCK_EX), 0);
  EXPECT_EQ(start(pid_file_), 0);
  EXPECT_FALSE(wait_started());
  EXPECT_EQ(errors(), "Can't lock pidfile, lock is held by pid 2147483646.");
  EXPECT_EQ(slurp(pid_file_), "2147483646\n");
  close(lock);
}

TEST_F(DaemonTest, ThePidFileOfAnotherIsNotRemoved) {
  ASSERT_EQ(start(pid_file_), 0);
  ASSERT_TRUE(wait_started());
  fs::rename(pid_file_, folder_ / "moved");
  std::ofstream(pid_file_) << "another\n";
  stop();
  EXPECT_EQ(slurp(pid_file_), "another\n");
}

}  // namespace
}  // namespace runtime
