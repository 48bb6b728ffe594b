#include "core/module_table.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

TEST(ModuleTableTest, BuiltInModulesComeFirst) {
  const Module builtins[] = {{"one"}, {"two"}};
  ModuleTable table("no_folder/?.so", builtins);
  std::string error;
  const Module* two = table.find("two", &error);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->name, "two");
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
