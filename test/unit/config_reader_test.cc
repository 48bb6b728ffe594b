#include "config/config_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>

namespace runtime {
namespace {

namespace fs = std::filesystem;

// Every test has an empty folder, which is also the current one.
class ConfigReader : public testing::Test {
 protected:
  ConfigReader() : before_(fs::current_path()) {
    std::string pattern = testing::TempDir() + "config-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    fs::current_path(folder_);
    setenv("CONFIG_TEST_A", "value a", 1);
    setenv("CONFIG_TEST_9", "42", 1);
    setenv("CONFIG_TEST_EMPTY", "", 1);
    unsetenv("CONFIG_TEST_UNSET");
  }
  ~ConfigReader() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  static void spit(const std::string& name, std::string_view text) {
    if (name.find('/') != std::string::npos) fs::create_directories(fs::path(name).parent_path());
    std::ofstream(name, std::ios::binary) << text;
  }

  // The settings of a main file with this text, which must be fine.
  static std::map<std::string, std::string> settings(std::string_view text) {
    spit("main.cfg", text);
    const ConfigResult result = read_config("main.cfg");
    EXPECT_EQ(result.error, "");
    return {result.entries.begin(), result.entries.end()};
  }

  // What is said of a main file with this text, which must not be fine.
  static std::string refusal(std::string_view text) {
    spit("main.cfg", text);
    const ConfigResult result = read_config("main.cfg");
    EXPECT_TRUE(result.entries.empty());
    EXPECT_NE(result.error, "");
    return result.error;
  }

  const fs::path before_;
  fs::path folder_;
};

using Settings = std::map<std::string, std::string>;

TEST_F(ConfigReader, GlobalsAreSettings) {
  EXPECT_EQ(settings("a = 'text'\nb = 10\nc = 1.5\nd = true\ne = false\nf = nil\nlocal g = 1\n"),
            (Settings{{"a", "text"}, {"b", "10"}, {"c", "1.5"}, {"d", "true"}, {"e", "false"}}));
}

TEST_F(ConfigReader, NumbersAreConvertedAsLuaPrintsThem) {
  EXPECT_EQ(settings("a = 2^53\nb = 10 // 3\nc = 7 / 2\nd = 0x10\ne = 1e100\nf = -0.0\n"),
            (Settings{{"a", "9.007199254741e+15"},
                      {"b", "3"},
                      {"c", "3.5"},
                      {"d", "16"},
                      {"e", "1e+100"},
                      {"f", "-0.0"}}));
}

TEST_F(ConfigReader, AnEmptyFileHasNoSettings) { EXPECT_EQ(settings(""), Settings{}); }

TEST_F(ConfigReader, EntriesAreSortedByKey) {
  spit("main.cfg", "c = 1\na = 2\nb = 3\n");
  const ConfigResult result = read_config("main.cfg");
  ASSERT_EQ(result.entries.size(), 3U);
  EXPECT_EQ(result.entries[0].first, "a");
  EXPECT_EQ(result.entries[1].first, "b");
  EXPECT_EQ(result.entries[2].first, "c");
}

TEST_F(ConfigReader, BytesOfAStringAreKept) {
  EXPECT_EQ(settings("a = 'x\\255\\n'").at("a"), "x\xff\n");
}

TEST_F(ConfigReader, LaterAssignmentsWinAndEarlierOnesAreSeen) {
  EXPECT_EQ(settings("root = './'\npath = root .. 'x'\nroot = nil\npath2 = path\npath = 1\n"),
            (Settings{{"path", "1"}, {"path2", "./x"}}));
}

TEST_F(ConfigReader, VariablesAreReplacedAnywhereInTheText) {
  EXPECT_EQ(settings("a = '<$CONFIG_TEST_A>'\nb = $CONFIG_TEST_9\nc = 'x$CONFIG_TEST_EMPTY/y'\n"
                     "-- $CONFIG_TEST_A\nd = '$CONFIG_TEST_9$CONFIG_TEST_9'"),
            (Settings{{"a", "<value a>"}, {"b", "42"}, {"c", "x/y"}, {"d", "4242"}}));
}

TEST_F(ConfigReader, ADollarWithoutANameStays) {
  EXPECT_EQ(settings("a = '$'\nb = '$$ $-'\nc = '$' .. '$'").at("b"), "$$ $-");
  EXPECT_EQ(settings("a = 1 --$").at("a"), "1");
}

TEST_F(ConfigReader, TheValueOfAVariableIsNotLookedAtAgain) {
  setenv("CONFIG_TEST_A", "$CONFIG_TEST_9", 1);
  EXPECT_EQ(settings("a = '$CONFIG_TEST_A'").at("a"), "$CONFIG_TEST_9");
}

TEST_F(ConfigReader, AnUnsetVariableIsAnErrorAlsoInAComment) {
  EXPECT_EQ(refusal("a = 1\n-- $CONFIG_TEST_UNSET"),
            "main.cfg:2: os.getenv() failed: CONFIG_TEST_UNSET");
}

TEST_F(ConfigReader, IncludesAreRelativeToTheIncludingFile) {
  spit("inc/a.cfg", "a = 'a'\ninclude 'deep/b.cfg'\ninclude 'c.cfg'\ninclude '../d.cfg'\n");
  spit("inc/deep/b.cfg", "b = a .. 'b'\n");
  spit("inc/c.cfg", "c = b .. 'c'\n");
  spit("d.cfg", "d = c .. 'd'\n");
  EXPECT_EQ(settings("include 'inc/a.cfg'\ninclude 'd.cfg'\ne = d .. 'e'"),
            (Settings{{"a", "a"}, {"b", "ab"}, {"c", "abc"}, {"d", "abcd"}, {"e", "abcde"}}));
}

TEST_F(ConfigReader, AnAbsoluteIncludeIsTakenAsItIs) {
  spit("sub/a.cfg", "include 'b.cfg'\n");
  spit("sub/b.cfg", "b = 1\n");
  EXPECT_EQ(settings("include '" + (folder_ / "sub/a.cfg").string() + "'\n").at("b"), "1");
}

TEST_F(ConfigReader, TheMainFilesFolderIsTheBaseOfItsIncludes) {
  spit("sub/main.cfg", "include 'part.cfg'\n");
  spit("sub/part.cfg", "a = 'part'\n");
  const ConfigResult result = read_config("sub/main.cfg");
  EXPECT_EQ(result.error, "");
  ASSERT_EQ(result.entries.size(), 1U);
  EXPECT_EQ(result.entries[0].second, "part");
}

TEST_F(ConfigReader, NoFunctionButIncludeIsAGlobal) {
  for (const char* name :
       {"print", "require", "load", "dofile", "setmetatable", "pcall", "error"}) {
    const std::string error = refusal(std::string(name) + " 'x'");
    EXPECT_NE(error.find("main.cfg:1:"), std::string::npos) << error;
    EXPECT_NE(error.find(name), std::string::npos) << error;
  }
  EXPECT_NE(refusal("a = os.getenv 'HOME'").find("os"), std::string::npos);
}

TEST_F(ConfigReader, AZeroByteIsRefusedWithTheKey) {
  EXPECT_EQ(refusal("a = 'x\\0y'"),
            "Invalid config table key = a: a zero byte in the key or the value");
  EXPECT_EQ(refusal("_ENV['k\\0'] = 'x'"),
            "Invalid config table key = k: a zero byte in the key or the value");
}

TEST_F(ConfigReader, OtherValuesAreRefusedByTheNameOfTheirKey) {
  EXPECT_EQ(refusal("a = {}"), "Invalid config table key = a");
  EXPECT_EQ(refusal("function a() end"), "Invalid config table key = a");
  EXPECT_EQ(refusal("a = include"), "Invalid config table key = a");
}

TEST_F(ConfigReader, KeysMustBeStrings) {
  EXPECT_EQ(refusal("_ENV[1] = 2"), "Invalid config table");
  EXPECT_EQ(refusal("_ENV[true] = 2"), "Invalid config table");
}

TEST_F(ConfigReader, SyntaxErrorsTellTheLine) {
  EXPECT_NE(refusal("a = 1\na = = 1").find("main.cfg:2:"), std::string::npos);
}

TEST_F(ConfigReader, AMissingFileIsNamed) {
  EXPECT_EQ(read_config("no-such-file").error, "no-such-file: No such file or directory");
  EXPECT_EQ(refusal("\ninclude 'sub/no-such-include'"),
            "main.cfg:2: sub/no-such-include: No such file or directory");
}

TEST_F(ConfigReader, AFolderIsNotAFile) {
  EXPECT_EQ(read_config(".").error, ".: Is a directory");
  EXPECT_NE(refusal("include ''").find("main.cfg:1:"), std::string::npos);
}

TEST_F(ConfigReader, BadArgumentsOfInclude) {
  EXPECT_NE(refusal("include()").find("string expected"), std::string::npos);
  EXPECT_NE(refusal("include {}").find("string expected"), std::string::npos);
  EXPECT_NE(refusal("include 'main.cfg\\0'").find("zero byte"), std::string::npos);
}

TEST_F(ConfigReader, BinaryChunksAreRefused) {
  EXPECT_NE(refusal(std::string_view("\x1bLuaT\0\x19\x93\r\n", 10)).find("binary"),
            std::string::npos);
}

TEST_F(ConfigReader, EndlessInclusionEnds) {
  EXPECT_NE(refusal("include 'main.cfg'").find("nested too deep"), std::string::npos);
  EXPECT_NE(refusal("while true do include 'leaf.cfg' end").find("leaf.cfg"), std::string::npos);
  spit("leaf.cfg", "a = 1");
  EXPECT_NE(refusal("while true do include 'leaf.cfg' end").find("too many includes"),
            std::string::npos);
}

TEST_F(ConfigReader, EndlessLoopsEnd) {
  EXPECT_NE(refusal("while true do end").find("runs for too long"), std::string::npos);
  EXPECT_NE(refusal("function f() return f() end f()").find("runs for too long"),
            std::string::npos);
  EXPECT_NE(refusal("function f() return 1 + f() end f()").find("stack overflow"),
            std::string::npos);
}

TEST_F(ConfigReader, MemoryIsLimited) {
  EXPECT_EQ(refusal("a = 'x' while true do a = a .. a end"), "main.cfg: not enough memory");
  EXPECT_EQ(refusal("a = 'x' for i = 1, 24 do a = a .. a end\n"
                    "while true do local b = a .. 'y' end"),
            "main.cfg: not enough memory");
  EXPECT_NE(refusal("include '/dev/zero'").find("too large"), std::string::npos);
}

TEST_F(ConfigReader, DeepNestingIsAnErrorNotACrash) {
  EXPECT_NE(refusal("a = " + std::string(100'000, '(')).find("main.cfg: C stack"),
            std::string::npos);
  EXPECT_NE(refusal("a = " + std::string(100'000, '{')).find("main.cfg: C stack"),
            std::string::npos);
}

TEST_F(ConfigReader, StringsHaveTheirMethods) {
  EXPECT_EQ(
      settings("a = ('x'):upper()\n"
               "b = ('%s-%d'):format(a, #a)\n"
               "c = ('a/b.lua'):gsub('%.lua$', '')\n"
               "d = ('k=v'):match('^(%w+)=')\n"
               "e = ('ab'):rep(3, ',')\n"
               "f = ('abc'):find('c', 1, true)\n"),
      (Settings{
          {"a", "X"}, {"b", "X-1"}, {"c", "a/b"}, {"d", "k"}, {"e", "ab,ab,ab"}, {"f", "3"}}));
  EXPECT_NE(refusal("x = string.upper('a')").find("global 'string'"), std::string::npos)
      << "there is no library, as in skynet's configs";
}

TEST_F(ConfigReader, AMethodThatWouldTakeForEverIsRefused) {
  for (const char* text : {"x = ('a'):rep(4000):find(('.-'):rep(20) .. 'b')",
                           "x = (''):rep(2^53 | 0)", "x = ('a'):rep(9000):gsub('.*.*.*b', '')",
                           "for i = 1, 1000 do x = ('a'):rep(9000):match('.-.-b') end"}) {
    EXPECT_NE(refusal(text).find("runs for too long"), std::string::npos) << text;
  }
  EXPECT_NE(refusal("x = ('a'):rep(2^40 | 0)").find("main.cfg"), std::string::npos);
}

TEST_F(ConfigReader, WhatIsKnownIsNoSettingAndWhatIsGivenIsOne) {
  spit("main.cfg", "a = known .. given\nmine = mine or 'default'");
  const ConfigResult result =
      read_config("main.cfg", {{"known", "k"}}, {{"given", "g"}, {"mine", "set"}});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(Settings(result.entries.begin(), result.entries.end()),
            (Settings{{"a", "kg"}, {"given", "g"}, {"mine", "set"}}));
}

}  // namespace
}  // namespace runtime
