#include "services/log_writer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace runtime {
namespace {

namespace fs = std::filesystem;

// 25 November 2026, 09:41:07.030 UTC.
constexpr timespec kNow = {1795599667, 30'000'000};

class LogWriterTest : public testing::Test {
 protected:
  LogWriterTest() {
    std::string pattern = testing::TempDir() + "log-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "node.log";
    setenv("TZ", "UTC", 1);
    tzset();
  }
  ~LogWriterTest() override {
    unsetenv("TZ");
    tzset();
    fs::remove_all(folder_);
  }

  std::string log() const { return slurp(path_); }
  static std::string slurp(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }

  fs::path folder_;
  fs::path path_;
};

TEST_F(LogWriterTest, ALineInAFileHasATimeAndASource) {
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(0x0100000a, "hello", kNow);
  EXPECT_EQ(log(), "25/11/26 09:41:07.03 [:0100000a] hello\n");
}

TEST_F(LogWriterTest, TheTimeIsLocalAndMovesOn) {
  setenv("TZ", "XYZ-8", 1);
  tzset();
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, "a", kNow);
  writer.write(1, "b", {kNow.tv_sec, 999'999'999});
  writer.write(1, "c", {kNow.tv_sec + 53, 0});
  EXPECT_EQ(log(),
            "25/11/26 17:41:07.03 [:00000001] a\n"
            "25/11/26 17:41:07.99 [:00000001] b\n"
            "25/11/26 17:42:00.00 [:00000001] c\n");
}

TEST_F(LogWriterTest, BytesAreWrittenAsTheyAre) {
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, {"zero\0byte \xff\n%s", 14}, kNow);
  writer.write(1, {}, kNow);
  EXPECT_EQ(log(), std::string("25/11/26 09:41:07.03 [:00000001] zero\0byte \xff\n%s\n", 48) +
                       "25/11/26 09:41:07.03 [:00000001] \n");
}

TEST_F(LogWriterTest, ALongLineIsWhole) {
  const std::string text(5'000'000, 'x');
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, text, kNow);
  EXPECT_EQ(log(), "25/11/26 09:41:07.03 [:00000001] " + text + "\n");
}

TEST_F(LogWriterTest, AnExistingFileIsContinued) {
  std::ofstream(path_) << "before\n";
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, "after", kNow);
  EXPECT_EQ(log(), "before\n25/11/26 09:41:07.03 [:00000001] after\n");
}

TEST_F(LogWriterTest, ALineOnStandardOutputHasNoTime) {
  LogWriter writer;
  EXPECT_TRUE(writer.reopen());
  testing::internal::CaptureStdout();
  std::printf("printed, ");
  writer.write(0x2b, {"text\0", 5}, kNow);
  EXPECT_EQ(testing::internal::GetCapturedStdout(),
            std::string("printed, [:0000002b] text\0\n", 27));
}

TEST_F(LogWriterTest, AFileThatCannotBeOpenedIsRefused) {
  LogWriter writer;
  EXPECT_FALSE(writer.open(folder_ / "no-such-folder" / "file"));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_FALSE(writer.open(folder_));
  EXPECT_EQ(errno, EISDIR);
}

TEST_F(LogWriterTest, ReopenFollowsTheName) {
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, "first", kNow);
  fs::rename(path_, folder_ / "old");
  writer.write(1, "second", kNow);
  ASSERT_TRUE(writer.reopen());
  writer.write(1, "third", kNow);
  EXPECT_EQ(slurp(folder_ / "old"),
            "25/11/26 09:41:07.03 [:00000001] first\n25/11/26 09:41:07.03 [:00000001] second\n");
  EXPECT_EQ(log(), "25/11/26 09:41:07.03 [:00000001] third\n");
}

TEST_F(LogWriterTest, AReopenThatFailsKeepsTheOldFile) {
  const fs::path inner = folder_ / "inner";
  fs::create_directory(inner);
  LogWriter writer;
  ASSERT_TRUE(writer.open(inner / "log"));
  fs::rename(inner, folder_ / "moved");
  EXPECT_FALSE(writer.reopen());
  writer.write(1, "still here", kNow);
  EXPECT_EQ(slurp(folder_ / "moved" / "log"), "25/11/26 09:41:07.03 [:00000001] still here\n");
}

TEST_F(LogWriterTest, AFullDeviceLosesLinesAndNothingElse) {
  LogWriter writer;
  ASSERT_TRUE(writer.open("/dev/full"));
  for (int i = 0; i < 3; ++i) writer.write(1, "lost", kNow);
  ASSERT_TRUE(writer.open(path_));
  writer.write(1, "written", kNow);
  EXPECT_EQ(log(),
            "25/11/26 09:41:07.03 [:00000000] log: lines lost: 3\n"
            "25/11/26 09:41:07.03 [:00000001] written\n");
}

// A limit on the size of files stands for a disk that is full for a while.
TEST_F(LogWriterTest, ATornLineIsEndedWhenThereIsRoomAgain) {
  LogWriter writer;
  ASSERT_TRUE(writer.open(path_));
  const auto before = signal(SIGXFSZ, SIG_IGN);
  rlimit old_limit = {};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  const rlimit small = {40, old_limit.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  writer.write(1, "longer than the limit allows", kNow);
  writer.write(1, "lost as a whole", kNow);
  setrlimit(RLIMIT_FSIZE, &old_limit);
  signal(SIGXFSZ, before);
  writer.write(1, "written", kNow);
  EXPECT_EQ(log(),
            "25/11/26 09:41:07.03 [:00000001] longer \n"
            "25/11/26 09:41:07.03 [:00000000] log: lines lost: 2\n"
            "25/11/26 09:41:07.03 [:00000001] written\n");
}

}  // namespace
}  // namespace runtime
