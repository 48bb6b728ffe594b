#include "base/tiny_mutex.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace runtime {
namespace {

TEST(TinyMutex, OneHolderAtATime) {
  constexpr int kThreads = 8, kEach = 50'000;
  TinyMutex mutex;
  int count = 0;  // no atomic: the mutex is what keeps it right
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        std::lock_guard lock(mutex);
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(count, kThreads * kEach);
}

TEST(TinyMutex, AHeldOneCannotBeTaken) {
  TinyMutex mutex;
  EXPECT_TRUE(mutex.try_lock());
  EXPECT_FALSE(mutex.try_lock());
  mutex.unlock();
  EXPECT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(TinyMutex, AWaiterThatSleepsGetsItAfterAll) {
  TinyMutex mutex;
  mutex.lock();
  std::atomic<bool> has_it{false};
  std::thread waiter([&] {
    std::lock_guard lock(mutex);
    has_it = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // much longer than it spins
  EXPECT_FALSE(has_it);
  mutex.unlock();
  waiter.join();
  EXPECT_TRUE(has_it);
}

}  // namespace
}  // namespace runtime
