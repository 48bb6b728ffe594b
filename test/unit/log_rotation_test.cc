#include "services/log_rotation.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include "services/log_archiver.h"

namespace runtime {
namespace {

namespace fs = std::filesystem;

constexpr time_t kNoon = 1795608000;  // 25 November 2026, 12:00:00 UTC
constexpr time_t kDay = 86400;

class LogRotationTest : public testing::Test {
 protected:
  LogRotationTest() {
    std::string pattern = testing::TempDir() + "rotation-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "node.log";
    setenv("TZ", "UTC", 1);
    tzset();
  }
  ~LogRotationTest() override {
    unsetenv("TZ");
    tzset();
    fs::remove_all(folder_);
  }

  void put(const std::string& name, const std::string& text = "x\n") const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string get(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_))
      names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(LogRotationTest, AFileIsPutAsideBeforeALineThatWouldMakeItTooLarge) {
  LogRotation rotation({.max_bytes = 100});
  rotation.opened(60, {kNoon, 0});
  EXPECT_FALSE(rotation.is_due(40, {kNoon, 0}));
  EXPECT_TRUE(rotation.is_due(41, {kNoon, 0}));
  rotation.wrote(40);
  EXPECT_TRUE(rotation.is_due(1, {kNoon, 0}));
  rotation.opened(0, {kNoon, 0});
  EXPECT_FALSE(rotation.is_due(1000, {kNoon, 0})) << "an empty file takes a line of any size";
}

TEST_F(LogRotationTest, AFileOfAnotherDayIsPutAside) {
  LogRotation rotation({.daily = true});
  rotation.opened(1, {kNoon - kDay, 0});
  EXPECT_TRUE(rotation.is_due(1, {kNoon, 0}));
  rotation.opened(1, {kNoon, 0});
  EXPECT_FALSE(rotation.is_due(1, {kNoon + kDay / 2 - 1, 0}));
  EXPECT_TRUE(rotation.is_due(1, {kNoon + kDay / 2, 0})) << "midnight";
}

TEST_F(LogRotationTest, ANewFileBelongsToTheDayOfItsFirstLine) {
  LogRotation rotation({.daily = true});
  rotation.opened(0, {kNoon, 0});
  EXPECT_FALSE(rotation.is_due(1, {kNoon + kDay, 0}));
  rotation.wrote(1);
  EXPECT_FALSE(rotation.is_due(1, {kNoon + kDay, 0}));
  EXPECT_TRUE(rotation.is_due(1, {kNoon + 2 * kDay, 0}));
}

TEST_F(LogRotationTest, WhatCouldNotBePutAsideIsTriedAgainLater) {
  LogRotation rotation({.max_bytes = 100});
  rotation.opened(100, {kNoon, 0});
  rotation.put_off({kNoon, 0});
  EXPECT_FALSE(rotation.is_due(1, {kNoon, 0}));
  rotation.wrote(100);
  EXPECT_TRUE(rotation.is_due(1, {kNoon, 0}));
}

TEST_F(LogRotationTest, NamesTellTheTimeAndAreNeverTaken) {
  EXPECT_EQ(archive_name(path_, {kNoon, 0}), path_ + ".20261125-120000");
  put("node.log.20261125-120000");
  EXPECT_EQ(archive_name(path_, {kNoon, 0}), path_ + ".20261125-120000.2");
  put("node.log.20261125-120000.2.zst");
  EXPECT_EQ(archive_name(path_, {kNoon, 0}), path_ + ".20261125-120000.3");
}

TEST_F(LogRotationTest, OnlyFilesWithSuchANameAreThoseThatWerePutAside) {
  for (const char* name : {"node.log", "node.log.1", "node.log.20261125-120000.10",
                           "node.log.20261125-120000.2.zst", "node.log.20261125-120000",
                           "node.log.20251231-235959.zst", "node.log.20261125-120000.zst.tmp",
                           "node.log.20261125x120000", "other.log.20261125-120000"})
    put(name);
  EXPECT_EQ(
      archives_of(path_),
      (std::vector<std::string>{path_ + ".20251231-235959.zst", path_ + ".20261125-120000",
                                path_ + ".20261125-120000.2.zst", path_ + ".20261125-120000.10"}));
}

TEST_F(LogRotationTest, ACompressedFileHasTheSameBytesAndRights) {
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "line " + std::to_string(i * 7919) + "\n";
  put("a", text);
  chmod((folder_ / "a").c_str(), 0640);
  ASSERT_EQ(compress_file(folder_ / "a", folder_ / "a.zst", [] { return false; }), "");
  const std::string packed = get("a.zst");
  EXPECT_LT(packed.size(), text.size() / 3);
  std::string again(text.size() + 1, '\0');
  const std::size_t size =
      ZSTD_decompress(again.data(), again.size(), packed.data(), packed.size());
  ASSERT_EQ(ZSTD_isError(size), 0U);
  again.resize(size);
  EXPECT_EQ(again, text);
  struct stat info = {};
  stat((folder_ / "a.zst").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0640U);
}

TEST_F(LogRotationTest, AnEmptyFileCompressesToo) {
  put("a", "");
  ASSERT_EQ(compress_file(folder_ / "a", folder_ / "a.zst", [] { return false; }), "");
  const std::string packed = get("a.zst");
  EXPECT_EQ(ZSTD_decompress(nullptr, 0, packed.data(), packed.size()), 0U);
}

TEST_F(LogRotationTest, WhatIsStoppedOrFailsLeavesNothing) {
  put("a");
  EXPECT_EQ(compress_file(folder_ / "a", folder_ / "a.zst", [] { return true; }), "stopped");
  EXPECT_EQ(files(), (std::vector<std::string>{"a"}));
  EXPECT_NE(compress_file(folder_ / "b", folder_ / "b.zst", [] { return false; })
                .find("cannot read " + (folder_ / "b").string() + ": No such file"),
            std::string::npos);
  EXPECT_NE(compress_file(folder_ / "a", folder_ / "none" / "a.zst", [] { return false; })
                .find("cannot create"),
            std::string::npos);
}

struct Told {
  std::mutex mutex;
  std::vector<std::string> lines;
  std::function<void(const std::string&)> f = [this](const std::string& line) {
    const std::lock_guard lock(mutex);
    lines.push_back(line);
  };
};

TEST_F(LogRotationTest, TheArchiverCompressesWhatAnEarlierProcessLeft) {
  put("node.log", "now\n");
  put("node.log.20261124-120000", "old\n");
  put("node.log.20261124-120000.zst.tmp", "half");
  Told told;
  {
    LogArchiver archiver(path_, {}, told.f);
    archiver.wait();
    put("node.log.20261125-120000", "new\n");
    archiver.add();
    archiver.wait();
  }
  EXPECT_EQ(files(), (std::vector<std::string>{"node.log", "node.log.20261124-120000.zst",
                                               "node.log.20261125-120000.zst"}));
  EXPECT_TRUE(told.lines.empty());
}

TEST_F(LogRotationTest, TheArchiverKeepsTheNewestFiles) {
  put("node.log.20261121-120000.zst");
  put("node.log.20261122-120000");
  put("node.log.20261123-120000.zst");
  put("node.log.20261124-120000");
  put("node.log.something");
  Told told;
  LogArchiver archiver(path_, {.compress = false, .keep = 2}, told.f);
  archiver.wait();
  EXPECT_EQ(files(), (std::vector<std::string>{"node.log.20261123-120000.zst",
                                               "node.log.20261124-120000", "node.log.something"}));
}

TEST_F(LogRotationTest, TheArchiverTellsWhatItCannotCompress) {
  put("node.log.20261124-120000");
  fs::create_directory(folder_ / "node.log.20261124-120000.zst.tmp");
  Told told;
  LogArchiver archiver(path_, {}, told.f);
  archiver.wait();
  ASSERT_EQ(told.lines.size(), 1U);
  EXPECT_NE(told.lines[0].find("cannot create"), std::string::npos) << told.lines[0];
  EXPECT_TRUE(fs::exists(folder_ / "node.log.20261124-120000"));
}

}  // namespace
}  // namespace runtime
