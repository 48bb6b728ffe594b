// A futex on which nobody sleeps: what others do meanwhile is planned by the test.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/futex.h"

namespace runtime {

class PlannedFutex : public Futex {
 public:
  // `called` is what a word becomes that is waited for with nothing planned, so that the test ends.
  explicit PlannedFutex(std::uint32_t called) : called_(called) {}

  // What happens while a thread sleeps, one after the other; after that, nothing.
  std::deque<std::function<void()>> meanwhile;
  std::vector<std::int64_t> sleeps;  // ns; -1: until it is woken
  int wakes = 0;

  void wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
            std::optional<std::chrono::nanoseconds> timeout) override {
    if (word.load() != expected) return;
    sleeps.push_back(timeout ? timeout->count() : -1);
    if (!meanwhile.empty()) {
      const auto next = std::move(meanwhile.front());
      meanwhile.pop_front();
      next();
    } else if (!timeout) {
      ADD_FAILURE() << "it sleeps for good";
      word.store(called_);
    }
  }
  void wake(std::atomic<std::uint32_t>&) override { ++wakes; }

 private:
  const std::uint32_t called_;
};

}  // namespace runtime
