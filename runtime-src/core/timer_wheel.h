// The timers of one node: what is due when, and in which order.
//
// A hierarchical wheel. Level L has 64 slots of 64^L ticks each. A timer stands on the level of the
// highest digit (base 64) in which its due time differs from now, in the slot with that number:
//
//   now        ...| d2 | d1 | d0      level 0: same d1, d2, ...; one slot is one tick
//   due        ...| d2 | x  | y       level 1: same d2, ...; slot x > d1, y is looked at later
//
// So everything on a level is due before anything on the next one, and when time enters a slot, its
// timers move to lower levels. A timer moves at most once a level, and time that jumps over empty
// slots costs nothing.
//
// Threads:   none of its own; the caller locks.
// Order:     earliest first, and within one tick in the order of add().
// Time:      add() is O(1). advance() is O(1) for each timer that expires or moves down a level.
// Memory:    24 bytes a timer in one growing array, given back as timers go; no allocation a timer.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ratio>
#include <vector>

#include "core/message.h"

namespace runtime {

// The unit in which services count time: 1/100 s.
using Ticks = std::chrono::duration<std::int64_t, std::centi>;

// Whom to tell, and by which number they know the timer.
struct TimerEntry {
  Handle handle = 0;
  std::int32_t session = 0;
};

class TimerWheel {
 public:
  using Expire = std::function<void(TimerEntry)>;

  // Time starts at `now`, which is not negative.
  explicit TimerWheel(Ticks now = Ticks{0}) : now_(now.count()) {}

  // A timer that is due at the absolute time `due`; one in the past is due now.
  void add(Ticks due, TimerEntry entry);

  // Moves time to `now` (never back) and calls `expire` for every due timer. `expire` may call
  // add(): what is due by `now` expires in the same call.
  void advance(Ticks now, const Expire& expire);

  // When the first timer is due, exactly; nothing when there is none.
  std::optional<Ticks> next_due() const;

  std::size_t size() const { return size_; }

  // Forgets all timers, and gives their memory back. Not to be called by `expire`.
  void clear();

 private:
  static constexpr int kDigitBits = 6;
  static constexpr int kSlots = 1 << kDigitBits;
  static constexpr int kLevels = 11;  // 11 digits of 6 bits hold any time
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Node {
    std::int64_t due;
    TimerEntry entry;
    std::uint32_t next;  // in its slot, or in the list of free nodes
  };

  // A list of nodes, first added first.
  struct Slot {
    std::uint32_t head = kNone;
    std::uint32_t tail = kNone;
    std::int64_t first_due = INT64_MAX;  // of those in the list
  };

  struct Level {
    std::uint64_t occupied = 0;  // bit i: slots[i] is not empty
    std::array<Slot, kSlots> slots;
  };

  static int level_of(std::int64_t difference);
  static int digit(std::int64_t time, int level);

  std::uint32_t take_node();
  Slot take_slot(int level, int index);
  void place(std::uint32_t node);
  void move_to(std::int64_t time);
  void expire_current(const Expire& expire);
  void compact();

  std::int64_t now_;
  std::size_t size_ = 0;
  std::uint32_t free_ = kNone;
  std::uint32_t occupied_ = 0;  // bit L: wheel_[L] is not empty
  std::vector<Node> nodes_;
  std::array<Level, kLevels> wheel_;
};

}  // namespace runtime
