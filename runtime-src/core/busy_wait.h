// Whether a worker that waits for descriptors looks for them again and again before it sleeps.
//
// To wake a core that sleeps takes 20 to 60 us on a virtual machine, which is longer than a server on
// the same machine takes for most of its answers. So whoever asks and waits may get two to five times
// as many answers when his worker looks. Not so when the cores are awake anyway, or when somebody else
// wants them: there looking only keeps the core from him. So now and then a few waits are done the other
// way, and the way that ended them sooner is kept.
//
// Bounds:  one wait is looked through for `limit` at most, and none while more than one of five is
//          longer than that: a node with less to do sleeps at once.
// Threads: one at a time; who has borrowed the loop (event_loop.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

namespace runtime {

// All times are of one monotonic clock, in its units.
class BusyWait {
 public:
  static constexpr int kTries = 8;   // waits that are done the other way in a row
  static constexpr int kKept = 500;  // waits until that is tried again

  // The longest time to look; 0: never.
  explicit BusyWait(std::uint64_t limit = 0) : limit_(limit) {}

  // A wait begins. Whether it is to begin with a look.
  [[nodiscard]] bool begin(std::uint64_t now) {
    begun_ = now;
    looks_ = limit_ != 0 && trusts() && favours_looks_ != tries_other_;
    return looks_;
  }

  // A look was in vain. Whether to look again, and not to sleep.
  [[nodiscard]] bool again(std::uint64_t now) {
    looks_ = now - begun_ < limit_;
    return looks_;
  }

  // What was waited for has come.
  void end(std::uint64_t now) {
    const std::uint64_t taken = std::min(now - begun_, 4 * limit_);
    // One that slept has waited for its core as well.
    const bool is_short = taken < (looks_ ? limit_ : 2 * limit_);
    score_ = is_short ? std::min(score_ + 1, kMostScore) : std::max(score_ - kLongWait, 0);
    if (trusts()) {
      compare(taken);
    } else {
      favours_looks_ = tries_other_ = false;
      favoured_ = 0;
      left_ = kFirst;
    }
  }

 private:
  static constexpr int kMostScore = 16, kTrusted = 8;
  static constexpr int kLongWait = 4;        // short waits that one long one outweighs
  static constexpr int kFirst = 3 * kTries;  // sleeps before the first tries

  bool trusts() const { return score_ >= kTrusted; }

  void compare(std::uint64_t taken) {
    (tries_other_ ? other_ : favoured_) += taken;
    if (--left_ != 0) {
      // The last kTries waits count, about.
      if (!tries_other_) favoured_ -= favoured_ / kTries;
      return;
    }
    if (tries_other_ && other_ < favoured_ / 5 * 4) {
      favours_looks_ = !favours_looks_;
      favoured_ = other_;
    }
    left_ = tries_other_ ? kKept : kTries;
    tries_other_ = !tries_other_;
    other_ = 0;
  }

  std::uint64_t limit_;
  int score_ = 0;                           // how far short waits can be relied on
  bool favours_looks_ = false;              // the way that is kept
  bool tries_other_ = false;                // the other one is tried
  int left_ = kFirst;                       // waits until that changes
  std::uint64_t favoured_ = 0, other_ = 0;  // what kTries waits of each way took
  bool looks_ = false;                      // in this wait, so far
  std::uint64_t begun_ = 0;                 // this wait
};

}  // namespace runtime
