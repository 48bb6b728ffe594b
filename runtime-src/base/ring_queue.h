// First in, first out, in a ring that grows. An empty one that was never used holds no memory,
// unlike std::deque.
//
// Threads: one at a time.
// Limits:  2^31 values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace runtime {

template <class T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  void push(T value) {
    if (size_ == capacity_) grow();
    ring_[(head_ + size_++) & (capacity_ - 1)] = std::move(value);
  }

  // The oldest value, of one at least.
  T& front() { return ring_[head_]; }

  // The oldest value; T{} when there is none.
  T pop() {
    if (size_ == 0) return T{};
    T value = std::move(ring_[head_]);
    head_ = (head_ + 1) & (capacity_ - 1);
    --size_;
    return value;
  }

  // Takes a value out, wherever it is. False: it is not there.
  bool erase(const T& value) {
    std::size_t i = 0;
    while (i < size_ && at(i) != value) ++i;
    if (i == size_) return false;
    for (--size_; i < size_; ++i) at(i) = std::move(at(i + 1));
    return true;
  }

 private:
  T& at(std::size_t i) { return ring_[(head_ + i) & (capacity_ - 1)]; }

  void grow() {
    const std::uint32_t capacity = std::max<std::uint32_t>(8, capacity_ * 2);
    auto larger = std::make_unique<T[]>(capacity);
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(at(i));
    ring_ = std::move(larger);
    capacity_ = capacity;
    head_ = 0;
  }

  // Each Lua service has three of these queues: 24 bytes.
  std::uint32_t size_ = 0, head_ = 0;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
  std::unique_ptr<T[]> ring_;
};

}  // namespace runtime
