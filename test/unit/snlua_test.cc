#include "services/snlua.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

TEST(WantsLuajit, GoesByTheNameOfTheScript) {
  Environment config;
  config.set("luajit", "chat;room_*");
  config.set("lua54", "room_old");
  EXPECT_TRUE(wants_luajit(config, "chat"));
  EXPECT_TRUE(wants_luajit(config, " room_1 chat"));
  EXPECT_FALSE(wants_luajit(config, "room_old"));
  EXPECT_FALSE(wants_luajit(config, "other chat"));
  EXPECT_FALSE(wants_luajit(config, ""));
}

TEST(WantsLuajit, GoesByTheOwnNameOfASnaxService) {
  Environment config;
  config.set("luajit", "chat;room_*");
  EXPECT_TRUE(wants_luajit(config, "snaxd chat"));
  EXPECT_TRUE(wants_luajit(config, "snaxd  room_1 other"));
  EXPECT_FALSE(wants_luajit(config, "snaxd other chat"));
  EXPECT_FALSE(wants_luajit(config, "snaxd"));
}

TEST(WantsLuajit, TakesWhatIsSaidOfSnaxdForTheOthers) {
  Environment config;
  config.set("luajit", "snaxd");
  config.set("lua54", "chat");
  EXPECT_TRUE(wants_luajit(config, "snaxd other"));
  EXPECT_TRUE(wants_luajit(config, "snaxd"));
  EXPECT_FALSE(wants_luajit(config, "snaxd chat"));
}

TEST(WantsLuajit, TakesTheEngineOfTheNodeForTheRest) {
  Environment config;
  config.set("engine", "luajit");
  config.set("lua54", "chat");
  EXPECT_TRUE(wants_luajit(config, "snaxd other"));
  EXPECT_FALSE(wants_luajit(config, "snaxd chat"));
  EXPECT_TRUE(wants_luajit(config, "other"));
}

}  // namespace
}  // namespace runtime
