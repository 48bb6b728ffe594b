#include "core/environment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace runtime {
namespace {

TEST(Environment, WhatIsSetCanBeRead) {
  Environment environment;
  EXPECT_TRUE(environment.set("thread", "8"));
  EXPECT_TRUE(environment.set("empty", ""));
  EXPECT_STREQ(environment.get("thread"), "8");
  EXPECT_STREQ(environment.get("empty"), "");
}

TEST(Environment, WhatIsNotSetIsNull) {
  Environment environment;
  environment.set("thread", "8");
  EXPECT_EQ(environment.get("threads"), nullptr);
  EXPECT_EQ(environment.get("threa"), nullptr);
  EXPECT_EQ(environment.get(""), nullptr);
}

TEST(Environment, TheFirstValueStays) {
  Environment environment;
  EXPECT_TRUE(environment.set("harbor", "1"));
  EXPECT_FALSE(environment.set("harbor", "2"));
  EXPECT_STREQ(environment.get("harbor"), "1");
}

TEST(Environment, APointerStaysValidWhileTheTableGrows) {
  Environment environment;
  environment.set("first", "value");
  const char* const first = environment.get("first");
  for (int i = 0; i < 10'000; ++i) environment.set("key" + std::to_string(i), "value");
  EXPECT_EQ(environment.get("first"), first);
  EXPECT_STREQ(first, "value");
}

TEST(Environment, OfManyThreadsThatSetAKeyOneWins) {
  constexpr int kThreads = 8;
  constexpr int kKeys = 500;
  Environment environment;
  std::atomic<int> wins = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&environment, &wins, value = std::to_string(t)] {
      for (int k = 0; k < kKeys; ++k) {
        const std::string key = std::to_string(k);
        if (environment.set(key, value)) {
          ++wins;
          EXPECT_EQ(environment.get(key), value);
        } else {
          EXPECT_NE(environment.get(key), nullptr);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wins, kKeys);
}

}  // namespace
}  // namespace runtime
