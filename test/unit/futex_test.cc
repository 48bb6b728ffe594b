// The kernel's futex, with threads that really sleep.
#include "base/futex.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>

namespace runtime {
namespace {

// Whether a thread of this process does, as the kernel says; 0: one that has not begun.
bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');
  return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
}

TEST(Futex, OneCallWakesTwo) {
  std::atomic<std::uint32_t> words[2] = {0, 0};
  std::atomic<pid_t> ids[2] = {0, 0};
  std::atomic<int> awake{0};
  std::thread threads[2];
  for (int i = 0; i < 2; ++i) {
    threads[i] = std::thread([&, i] {
      ids[i].store(gettid());
      while (words[i].load() == 0) futex_wait(words[i], 0);
      awake.fetch_add(1);
    });
  }
  // Until they sleep: then neither sees its word by itself.
  for (int i = 0; i < 2; ++i) {
    while (!sleeps(ids[i].load())) std::this_thread::yield();
  }
  words[0].store(7);
  words[1].store(8);
  kernel_futex().wake_both(words[0], words[1]);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (awake.load() != 2 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(awake.load(), 2);
  EXPECT_EQ(words[1].load(), 8U) << "the call that could change it does not";
  for (std::atomic<std::uint32_t>& word : words) futex_wake(word, 1);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace runtime
