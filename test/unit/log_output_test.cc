// Lines of the log for a standard output that is a pipe. Each test would block for ever where a line waits for its reader.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <thread>

#include "services/log_writer.h"

namespace runtime {
namespace {

constexpr timespec kNow = {1795599667, 30'000'000};
constexpr std::size_t kMegabyte = std::size_t{1} << 20;

class LogOutputTest : public testing::Test {
 protected:
  LogOutputTest() {
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    fcntl(ends_[1], F_SETPIPE_SZ, 8192);
    use_ends();
  }
  ~LogOutputTest() override {
    close_reader();
    fclose(output_);
  }

  void use_ends() {
    fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    output_ = fdopen(ends_[1], "w");
    setvbuf(output_, nullptr, _IOLBF, BUFSIZ);
  }

  // A terminal takes the place of the pipe.
  void use_terminal() {
    close_reader();
    fclose(output_);
    ends_[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(ends_[0], 0);
    ASSERT_EQ(grantpt(ends_[0]), 0);
    ASSERT_EQ(unlockpt(ends_[0]), 0);
    ends_[1] = open(ptsname(ends_[0]), O_RDWR | O_NOCTTY | O_CLOEXEC);
    ASSERT_GE(ends_[1], 0);
    termios raw = {};
    tcgetattr(ends_[1], &raw);
    cfmakeraw(&raw);
    tcsetattr(ends_[1], TCSANOW, &raw);
    use_ends();
  }

  void close_reader() {
    if (ends_[0] >= 0) close(ends_[0]);
    ends_[0] = -1;
  }

  // What is in the pipe.
  std::string read_some() {
    std::string text(1 << 16, '\0');
    const ssize_t size = read(ends_[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

  // All that the writer has, read while it goes on.
  std::string read_all(LogWriter& writer) {
    std::string all;
    do {
      all += read_some();
      writer.go_on(kNow);
    } while (writer.waiting() != 0);
    return all + read_some();
  }

  static std::string line(const std::string& text) { return "[:00000001] " + text + "\n"; }

  int ends_[2] = {-1, -1};
  std::FILE* output_ = nullptr;
};

TEST_F(LogOutputTest, LinesAreInThePipeAtOnceWhileThereIsRoom) {
  LogWriter writer(output_);
  writer.write(1, "a", kNow);
  EXPECT_EQ(read_some(), line("a"));
  EXPECT_EQ(writer.waiting(), 0U);
}

TEST_F(LogOutputTest, LinesThatNobodyReadsWaitAndKeepTheirOrder) {
  LogWriter writer(output_);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i), '.');
    writer.write(1, text, kNow);
    expected += line(text);
  }
  EXPECT_GT(writer.waiting(), 0U);
  EXPECT_EQ(read_all(writer), expected);
  writer.write(1, "afterwards", kNow);
  EXPECT_EQ(read_some(), line("afterwards"));
}

TEST_F(LogOutputTest, LinesForATerminalThatNobodyReadsWaitAndKeepTheirOrder) {
  use_terminal();
  LogWriter writer(output_);
  std::string expected;
  for (int i = 0; i < 1000; ++i) {
    writer.write(1, std::to_string(i) + std::string(1001, '.'), kNow);
    expected += line(std::to_string(i) + std::string(1001, '.'));
  }
  EXPECT_GT(writer.waiting(), 0U);
  std::string all;
  while (all.size() < expected.size()) {
    all += read_some();
    writer.go_on(kNow);
  }
  EXPECT_TRUE(all == expected);
}

TEST_F(LogOutputTest, ALineThatIsLongerThanAPipeTakesIsWhole) {
  LogWriter writer(output_);
  const std::string text(10 * kMegabyte, 'x');
  writer.write(1, text, kNow);
  EXPECT_EQ(read_all(writer), line(text));
}

TEST_F(LogOutputTest, BeyondTheBoundLinesAreLostAndCountedInThePlaceWhereTheyAreMissing) {
  LogWriter writer(output_);
  const std::string text(kMegabyte / 2, 'x');
  for (int i = 0; i < 40; ++i) writer.write(1, text, kNow);
  EXPECT_LE(writer.waiting(), LogOutput::kMostWaiting);
  std::string all = read_some();
  writer.write(1, "lost as well", kNow);
  all += read_all(writer);
  writer.write(1, "afterwards", kNow);
  all += read_all(writer);
  const std::size_t kept = all.find("[:00000000]") / line(text).size();
  std::string expected;
  for (std::size_t i = 0; i < kept; ++i) expected += line(text);
  expected += "[:00000000] log: lines lost: " + std::to_string(41 - kept) + "\n" + line("afterwards");
  EXPECT_GE(kept, 15U);
  EXPECT_TRUE(all == expected) << all.substr(all.size() - 100);
}

TEST_F(LogOutputTest, ANumberOfLostLinesIsJsonWhereTheLinesAre) {
  LogWriter writer(output_);
  writer.set_style({.json = true});
  for (int i = 0; i < 3; ++i) writer.write(1, std::string(6 * kMegabyte, 'x'), kNow);
  const std::string all = read_all(writer);
  EXPECT_NE(all.find("\"text\":\"log: lines lost: 2\"}\n"), all.npos);
}

TEST_F(LogOutputTest, WhatWasPrintedBeforeComesFirst) {
  LogWriter writer(output_);
  std::fputs("printed ", output_);
  writer.write(1, "a", kNow);
  EXPECT_EQ(read_some(), "printed " + line("a"));
  for (int i = 0; i < 10; ++i) writer.write(1, std::string(1000, 'x'), kNow);
  EXPECT_GT(writer.waiting(), 0U);
}

// A thread that prints more than the pipe takes has the lock of the file until somebody reads.
TEST_F(LogOutputTest, SomebodyWhoWaitsInAPrintHoldsUpNobody) {
  LogWriter writer(output_);
  const std::string printed(100'000, 'p');
  std::thread printing([&] {
    std::fputs(printed.c_str(), output_);
    std::fflush(output_);
  });
  while (ftrylockfile(output_) == 0) {
    funlockfile(output_);
    std::this_thread::yield();
  }
  writer.write(1, "a", kNow);
  std::string all;
  while (writer.waiting() != 0 || all.size() < printed.size() + line("a").size()) {
    all += read_some();
    writer.go_on(kNow);
  }
  printing.join();
  EXPECT_TRUE(all == printed + line("a"));
}

TEST_F(LogOutputTest, NothingWaitsForAReaderThatHasGone) {
  LogWriter writer(output_);
  for (int i = 0; i < 10; ++i) writer.write(1, std::string(1000, 'x'), kNow);
  EXPECT_GT(writer.waiting(), 0U);
  close_reader();
  writer.write(1, "a", kNow);
  EXPECT_EQ(writer.waiting(), 0U);
}

TEST_F(LogOutputTest, TheEndWaitsForAReaderThatReads) {
  std::string expected, all;
  std::thread reading;
  {
    LogWriter writer(output_);
    for (int i = 0; i < 100; ++i) {
      writer.write(1, std::string(1000, 'x'), kNow);
      expected += line(std::string(1000, 'x'));
    }
    reading = std::thread([&] {
      while (all.size() < expected.size()) all += read_some();
    });
  }
  reading.join();
  EXPECT_TRUE(all == expected);
}

TEST_F(LogOutputTest, TheEndGivesUpWhatNobodyReads) {
  LogWriter* const writer = new LogWriter(output_);
  for (int i = 0; i < 100; ++i) writer->write(1, std::string(1000, 'x'), kNow);
  delete writer;
  EXPECT_LE(read_some().size(), 8192U);
}

}  // namespace
}  // namespace runtime
