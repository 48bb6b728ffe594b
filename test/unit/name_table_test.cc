#include "core/name_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace runtime {
namespace {

TEST(NameTable, ANameLeadsToItsHandle) {
  NameTable names;
  EXPECT_TRUE(names.add("launcher", 3));
  EXPECT_EQ(names.find("launcher"), 3U);
  EXPECT_EQ(names.find("launche"), 0U);
  EXPECT_EQ(names.find(""), 0U);
}

TEST(NameTable, ANameTakenStaysTaken) {
  NameTable names;
  EXPECT_TRUE(names.add("service", 7));
  EXPECT_FALSE(names.add("service", 8));
  EXPECT_FALSE(names.add("service", 7));
  EXPECT_EQ(names.find("service"), 7U);
}

TEST(NameTable, AllNamesOfAHandleGoAtOnce) {
  NameTable names;
  names.add("a", 1);
  names.add("b", 1);
  names.add("a rather long name that no string keeps within itself", 1);
  names.add("c", 2);
  names.remove_all(1);
  EXPECT_EQ(names.find("a"), 0U);
  EXPECT_EQ(names.find("b"), 0U);
  EXPECT_EQ(names.find("a rather long name that no string keeps within itself"), 0U);
  EXPECT_EQ(names.find("c"), 2U);
  EXPECT_TRUE(names.add("a", 2)) << "the name is free again";
}

TEST(NameTable, RemovingTheNamesOfOneWithoutAnyDoesNothing) {
  NameTable names;
  names.add("a", 1);
  names.remove_all(2);
  names.remove_all(0);
  EXPECT_EQ(names.find("a"), 1U);
}

TEST(NameTable, NamesStayFindableWhileTheTableGrows) {
  NameTable names;
  for (Handle h = 1; h <= 5000; ++h) ASSERT_TRUE(names.add("name" + std::to_string(h), h));
  for (Handle h = 2; h <= 5000; h += 2) names.remove_all(h);
  for (Handle h = 1; h <= 5000; ++h) {
    ASSERT_EQ(names.find("name" + std::to_string(h)), h % 2 ? h : 0U);
  }
}

TEST(NameTable, OfManyThreadsThatWantANameOneGetsIt) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 300;
  NameTable names;
  names.add("stable", 99);
  std::atomic<int> owners = 0;
  std::vector<std::thread> threads;
  for (Handle self = 1; self <= kThreads; ++self) {
    threads.emplace_back([&, self] {
      for (int round = 0; round < kRounds; ++round) {
        EXPECT_EQ(names.find("stable"), 99U);
        if (names.add("contested", self)) {
          EXPECT_EQ(owners.fetch_add(1), 0) << "two handles own one name";
          EXPECT_EQ(names.find("contested"), self);
          owners.fetch_sub(1);
          names.remove_all(self);
        }
        names.remove_all(1000 + self);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(names.find("contested"), 0U);
}

}  // namespace
}  // namespace runtime
