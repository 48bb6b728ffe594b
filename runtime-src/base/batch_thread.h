// For threads that wait for descriptors: those of sockets.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <bit>
#include <cstdint>
#include <utility>

namespace runtime {

// Whether few descriptors or many are at work, by those that were ready last. In between, what was
// found before stays.
class WorkingSet {
 public:
  bool is_many() const { return many_; }

  // A descriptor was ready. True: is_many() has changed.
  bool saw(int descriptor) {
    // One of 64 bits; descriptors with a stride, those of one of several threads, get different ones.
    seen_ |= std::uint64_t{1} << (static_cast<std::uint32_t>(descriptor) * 0x9e3779b1U >> 26);
    if (++count_ < kWindow) return false;
    const int different = std::popcount(seen_);
    seen_ = 0;
    count_ = 0;
    const bool many = different > kFew && (many_ || different >= kMany);
    if (many == many_) return false;
    many_ = many;
    return true;
  }

 private:
  static constexpr int kWindow = 64;
  static constexpr int kFew = 4, kMany = 8;  // different ones among kWindow

  std::uint64_t seen_ = 0;
  int count_ = 0;
  bool many_ = true;
};

// How the calling thread comes to a core when it wakes up.
//
// With many descriptors at work it takes a core that is idle, but pushes nobody off a busy one
// (SCHED_BATCH). So while all cores are at work it finds many descriptors ready later, not each of
// them at once, and spares the switches between them: an echo over 64 connections takes an eighth
// less CPU time. It waits for a slice of time, some milliseconds, at most. With few of them there is
// nothing to gather, and somebody who asks and waits would wait for that long at each step: then it
// wakes up as any thread does. A policy that somebody has chosen stays.
class Gathering {
 public:
  void attach() {
    int policy = 0;
    sched_param parameters = {};
    chosen_ =
        pthread_getschedparam(pthread_self(), &policy, &parameters) != 0 || policy != SCHED_OTHER;
    apply();
  }
  // What the set is does not depend on who waits.
  void saw(int descriptor) { changed_ = set_.saw(descriptor) != changed_; }
  bool many() const { return set_.is_many(); }
  // By the thread that has attached, when it waits again.
  void adapt() {
    if (std::exchange(changed_, false)) apply();
  }

 private:
  void apply() const {
    const sched_param parameters = {};
    if (!chosen_) {
      pthread_setschedparam(pthread_self(), set_.is_many() ? SCHED_BATCH : SCHED_OTHER,
                            &parameters);
    }
  }

  WorkingSet set_;
  bool changed_ = false;  // since apply()
  bool chosen_ = false;
};

}  // namespace runtime
