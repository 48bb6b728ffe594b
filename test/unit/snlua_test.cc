#include "services/snlua.h"

#include <gtest/gtest.h>

namespace runtime {
namespace {

// Whether a service that is started so gets LuaJIT, with these lines of a config; null: there is none.
bool on_luajit(const char* luajit, const char* lua54, const char* engine, const char* args) {
  Environment config;
  if (luajit != nullptr) config.set("luajit", luajit);
  if (lua54 != nullptr) config.set("lua54", lua54);
  if (engine != nullptr) config.set("engine", engine);
  return wants_luajit(config, args);
}

TEST(WantsLuajit, GoesByTheNameOfTheScript) {
  const auto gets = [](const char* args) {
    return on_luajit("chat;room_*", "room_old", nullptr, args);
  };
  for (const char* args : {"chat", " room_1 chat"}) EXPECT_TRUE(gets(args)) << args;
  for (const char* args : {"room_old", "other chat", ""}) EXPECT_FALSE(gets(args)) << args;
}

TEST(WantsLuajit, GoesByTheOwnNameOfASnaxService) {
  EXPECT_TRUE(on_luajit("chat;room_*", nullptr, nullptr, "snaxd  room_1 other"));
  EXPECT_FALSE(on_luajit("chat;room_*", nullptr, nullptr, "snaxd other chat"));
  EXPECT_FALSE(on_luajit("chat;room_*", nullptr, nullptr, "snaxd"));
}

TEST(WantsLuajit, TakesWhatIsSaidOfSnaxdForTheOthers) {
  EXPECT_TRUE(on_luajit("snaxd", "chat", nullptr, "snaxd other"));
  EXPECT_FALSE(on_luajit("snaxd", "chat", nullptr, "snaxd chat"));
}

TEST(WantsLuajit, TakesTheEngineOfTheNodeForTheRest) {
  EXPECT_TRUE(on_luajit(nullptr, "chat", "luajit", "snaxd other"));
  EXPECT_FALSE(on_luajit(nullptr, "chat", "luajit", "snaxd chat"));
}

}  // namespace
}  // namespace runtime
