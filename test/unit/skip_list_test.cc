#include "skiplist/skip_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace runtime {
namespace {

using Pair = std::pair<double, std::string>;

// Everything the list can say must agree with a sorted vector.
void expect_same(const SkipList& list, const std::vector<Pair>& sorted) {
  ASSERT_EQ(list.size(), sorted.size());
  const SkipList::Node* node = list.at(1);
  const SkipList::Node* previous = nullptr;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    ASSERT_NE(node, nullptr);
    ASSERT_EQ(SkipList::score(node), sorted[i].first);
    ASSERT_EQ(SkipList::member(node), sorted[i].second);
    ASSERT_EQ(SkipList::previous(node), previous);
    ASSERT_EQ(list.at(i + 1), node);
    const auto first = std::lower_bound(sorted.begin(), sorted.end(), sorted[i]) - sorted.begin();
    ASSERT_EQ(list.rank(sorted[i].first, sorted[i].second), static_cast<std::size_t>(first) + 1);
    previous = node;
    node = SkipList::next(node);
  }
  EXPECT_EQ(node, nullptr);
  EXPECT_EQ(list.at(0), nullptr);
  EXPECT_EQ(list.at(sorted.size() + 1), nullptr);
}

TEST(SkipList, AgreesWithASortedVectorThroughRandomChanges) {
  std::mt19937 random(7);
  SkipList list;
  std::vector<Pair> sorted;
  for (int step = 0; step < 4000; ++step) {
    const Pair pair(random() % 20,
                    std::string(random() % 4, static_cast<char>('a' + random() % 3)));
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), pair);
    const bool grow = (step / 500) % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    if (grow) {
      list.insert(pair.first, pair.second);
      sorted.insert(at, pair);
    } else if (random() % 2 == 0 || sorted.empty()) {
      const bool there = at != sorted.end() && *at == pair;
      ASSERT_EQ(list.erase(pair.first, pair.second), there);
      if (there) sorted.erase(at);
    } else {
      const std::size_t rank = random() % sorted.size();
      list.erase_rank(rank + 1);
      sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(rank));
    }
    if (step % 97 == 0) expect_same(list, sorted);
  }
  expect_same(list, sorted);
}

TEST(SkipList, FindsTheEndsOfAScoreRange) {
  SkipList list;
  EXPECT_EQ(list.first_from(0), nullptr);
  EXPECT_EQ(list.last_to(0), nullptr);
  for (const double score : {1.0, 2.0, 2.0, 4.0}) list.insert(score, "m");
  EXPECT_EQ(list.first_from(2), list.at(2));
  EXPECT_EQ(list.last_to(2), list.at(3));
  EXPECT_EQ(list.first_from(3), list.at(4));
  EXPECT_EQ(list.last_to(3), list.at(3));
  EXPECT_EQ(list.first_from(5), nullptr);
  EXPECT_EQ(list.last_to(0.5), nullptr);
}

TEST(SkipList, MembersAreBytes) {
  SkipList list;
  using namespace std::string_view_literals;
  for (const std::string_view member : {"ab"sv, "a"sv, "a\0"sv, "\xff"sv, ""sv})
    list.insert(0, member);
  EXPECT_EQ(SkipList::member(list.at(1)), "");
  EXPECT_EQ(SkipList::member(list.at(3)), "a\0"sv);
  EXPECT_EQ(SkipList::member(list.at(5)), "\xff");
  EXPECT_FALSE(list.erase(0, "b"));
  EXPECT_TRUE(list.erase(0, "a\0"sv));
}

}  // namespace
}  // namespace runtime
