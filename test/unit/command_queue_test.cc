#include "net/command_queue.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace runtime {
namespace {

Command* numbered(int id) { return new Command{Command::Kind::pause, id}; }

TEST(CommandQueue, GivesTheCommandsInTheirOrder) {
  CommandQueue queue;
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(queue.push(numbered(i))) << "nobody sleeps";
  Command* command = queue.take();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_NE(command, nullptr);
    EXPECT_EQ(command->id, i);
    delete std::exchange(command, command->next);
  }
  EXPECT_EQ(command, nullptr);
  EXPECT_EQ(queue.take(), nullptr);
}

TEST(CommandQueue, OnlyTheFirstPushAfterSleepWakes) {
  CommandQueue queue;
  EXPECT_TRUE(queue.sleep());
  EXPECT_TRUE(queue.push(numbered(1)));
  EXPECT_FALSE(queue.push(numbered(2)));
  EXPECT_FALSE(queue.sleep()) << "there is something to do";
  Command* command = queue.take();
  EXPECT_EQ(command->id, 1);
  while (command != nullptr) delete std::exchange(command, command->next);
  EXPECT_TRUE(queue.sleep());
  EXPECT_EQ(queue.take(), nullptr) << "wakes without a command";
  EXPECT_FALSE(queue.push(numbered(3)));
}

TEST(CommandQueue, LosesNothingBetweenManyThreadsAndASleepingConsumer) {
  constexpr int kThreads = 4, kEach = 20000;
  CommandQueue queue;
  std::atomic<int> wakes{0};
  std::vector<std::thread> producers;
  for (int t = 0; t < kThreads; ++t) {
    producers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        if (queue.push(new Command{Command::Kind::pause, i, static_cast<Handle>(t)})) {
          wakes.fetch_add(1);
          wakes.notify_one();
        }
      }
    });
  }
  int next[kThreads] = {};
  int taken = 0, slept = 0;
  while (taken < kThreads * kEach) {
    for (Command* command = queue.take(); command != nullptr; ++taken) {
      EXPECT_EQ(command->id, next[command->owner]++);
      delete std::exchange(command, command->next);
    }
    if (taken < kThreads * kEach && queue.sleep()) {
      wakes.wait(slept);
      ++slept;
    }
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(wakes.load(), slept);
}

}  // namespace
}  // namespace runtime
