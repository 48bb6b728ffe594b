#include "base/batch_thread.h"

#include <gtest/gtest.h>

#include <thread>

namespace runtime {
namespace {

// Whether is_many() changed on the way.
bool saw(WorkingSet& set, int different, int times) {
  bool changed = false;
  for (int i = 0; i < times; ++i) changed |= set.saw(i % different);
  return changed;
}

TEST(WorkingSet, FewDescriptorsAreFewAndManyAreMany) {
  WorkingSet set;
  EXPECT_TRUE(set.is_many());
  EXPECT_TRUE(saw(set, 2, 64));
  EXPECT_FALSE(set.is_many());
  EXPECT_TRUE(saw(set, 40, 64));
  EXPECT_TRUE(set.is_many());
}

TEST(WorkingSet, DescriptorsWithAStrideAreDifferentOnes) {
  WorkingSet set;
  saw(set, 1, 64);
  for (int i = 0; i < 64; ++i) set.saw(i * 64);
  EXPECT_TRUE(set.is_many());
}

TEST(WorkingSet, WhatIsInBetweenStaysWhatItWas) {
  WorkingSet set;
  EXPECT_FALSE(saw(set, 6, 640));
  EXPECT_TRUE(set.is_many());
  saw(set, 1, 64);
  EXPECT_FALSE(saw(set, 6, 640));
  EXPECT_FALSE(set.is_many());
}

int policy_here() {
  int policy = -1;
  sched_param parameters;
  pthread_getschedparam(pthread_self(), &policy, &parameters);
  return policy;
}

TEST(Gathering, PushesNobodyOffACoreWhileManyDescriptorsAreAtWork) {
  std::thread([] {
    if (policy_here() != SCHED_OTHER) GTEST_SKIP() << "the tests run with another policy";
    Gathering gathering;
    gathering.attach();
    EXPECT_EQ(policy_here(), SCHED_BATCH);
    for (int i = 0; i < 64; ++i) gathering.saw(5);
    EXPECT_FALSE(gathering.many());
    EXPECT_EQ(policy_here(), SCHED_BATCH) << "somebody else may have seen them";
    gathering.adapt();
    EXPECT_EQ(policy_here(), SCHED_OTHER);
    for (int i = 0; i < 64; ++i) gathering.saw(i);
    EXPECT_TRUE(gathering.many());
    gathering.adapt();
    EXPECT_EQ(policy_here(), SCHED_BATCH);
  }).join();
}

TEST(Gathering, LeavesAPolicyThatWasChosen) {
  std::thread([] {
    const sched_param parameters = {};
    ASSERT_EQ(pthread_setschedparam(pthread_self(), SCHED_IDLE, &parameters), 0);
    Gathering gathering;
    gathering.attach();
    for (int i = 0; i < 64; ++i) gathering.saw(5);
    gathering.adapt();
    EXPECT_EQ(policy_here(), SCHED_IDLE);
  }).join();
}

}  // namespace
}  // namespace runtime
