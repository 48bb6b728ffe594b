#include "core/module_table.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace runtime {
namespace {

TEST(ModuleTableTest, WhatIsBuiltInCountsWhenNoFileIsFound) {
  const Module builtins[] = {{"one"}, {"two"}};
  ModuleTable table("no_folder/?.so", builtins);
  std::string error;
  const Module* two = table.find("two", &error);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->name, "two");
  EXPECT_EQ(table.find("two", &error), two) << "it stays what it is";
}

TEST(ModuleTableTest, AFileThatDoesNotLoadIsTheErrorUnlessTheModuleIsFixed) {
  const std::string folder = testing::TempDir() + "module_table_test";
  std::filesystem::create_directories(folder);
  for (const char* name : {"one", "fixed"})
    std::ofstream(folder + "/" + name + ".so") << "no library";
  Module fixed{"fixed"};
  fixed.is_fixed = true;
  const Module builtins[] = {{"one"}, fixed};
  ModuleTable table("no_folder/?.so;" + folder + "/?.so", builtins);
  std::string error;
  EXPECT_EQ(table.find("one", &error), nullptr);
  EXPECT_NE(error.find(folder + "/one.so: "), std::string::npos) << error;
  EXPECT_EQ(error.find("no_folder"), std::string::npos) << "only the file that is there: " << error;
  EXPECT_NE(table.find("fixed", &error), nullptr);
  std::filesystem::remove_all(folder);
}

TEST(ModuleTableTest, SaysWhatWasTried) {
  ModuleTable table("no_folder/?.so;;other/?.so", {});
  std::string error;
  EXPECT_EQ(table.find("three", &error), nullptr);
  EXPECT_NE(error.find("no_folder/three.so"), std::string::npos) << error;
  EXPECT_NE(error.find("other/three.so"), std::string::npos) << error;
}

TEST(ModuleTableDeathTest, APatternWithoutPlaceForTheNameEndsTheProcess) {
  ModuleTable table("no_folder/?.so;cservice", {});
  std::string error;
  EXPECT_EXIT(table.find("three", &error), testing::ExitedWithCode(1), "Invalid C service path");
}

}  // namespace
}  // namespace runtime
