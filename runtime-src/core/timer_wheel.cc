#include "core/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace runtime {

namespace {

// An array of this many nodes or fewer is not worth shrinking.
constexpr std::size_t kKeptNodes = 1024;

}  // namespace

// The highest digit that is not zero; 0 when all are.
int TimerWheel::level_of(std::int64_t difference) {
  return (std::bit_width(static_cast<std::uint64_t>(difference) | 1) - 1) / kDigitBits;
}

int TimerWheel::digit(std::int64_t time, int level) {
  return static_cast<int>((static_cast<std::uint64_t>(time) >> (level * kDigitBits)) &
                          (kSlots - 1));
}

void TimerWheel::add(Ticks due, TimerEntry entry) {
  const std::uint32_t node = take_node();
  nodes_[node].due = std::max(due.count(), now_);
  nodes_[node].entry = entry;
  place(node);
  ++size_;
}

void TimerWheel::advance(Ticks now, const Expire& expire) {
  for (auto due = next_due(); due && *due <= now; due = next_due()) {
    move_to(due->count());
    expire_current(expire);
  }
  if (now.count() > now_) move_to(now.count());
  if (nodes_.capacity() > kKeptNodes && size_ < nodes_.capacity() / 4) compact();
}

std::optional<Ticks> TimerWheel::next_due() const {
  if (occupied_ == 0) return std::nullopt;
  // The lowest level comes first in time, and on it the lowest slot: slots that time has passed are
  // empty, and none of them is used again before time has left the level.
  const Level& level = wheel_[static_cast<std::size_t>(std::countr_zero(occupied_))];
  return Ticks{level.slots[static_cast<std::size_t>(std::countr_zero(level.occupied))].first_due};
}

void TimerWheel::clear() {
  nodes_ = {};
  wheel_ = {};
  occupied_ = 0;
  free_ = kNone;
  size_ = 0;
}

std::uint32_t TimerWheel::take_node() {
  if (free_ != kNone) return std::exchange(free_, nodes_[free_].next);
  RUNTIME_CHECK(nodes_.size() < kNone, "more than 2^32 - 1 timers");
  nodes_.emplace_back();
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

// Empties a slot, and gives what was in it.
TimerWheel::Slot TimerWheel::take_slot(int level, int index) {
  Level& from = wheel_[static_cast<std::size_t>(level)];
  from.occupied &= ~(std::uint64_t{1} << index);
  if (from.occupied == 0) occupied_ &= ~(1U << level);
  return std::exchange(from.slots[static_cast<std::size_t>(index)], Slot{});
}

void TimerWheel::place(std::uint32_t node) {
  const std::int64_t due = nodes_[node].due;
  const int level = level_of(due ^ now_);
  const int index = digit(due, level);
  Slot& slot = wheel_[static_cast<std::size_t>(level)].slots[static_cast<std::size_t>(index)];
  nodes_[node].next = kNone;
  if (slot.head == kNone) {
    slot.head = node;
    wheel_[static_cast<std::size_t>(level)].occupied |= std::uint64_t{1} << index;
    occupied_ |= 1U << level;
  } else {
    nodes_[slot.tail].next = node;
  }
  slot.tail = node;
  slot.first_due = std::min(slot.first_due, due);
}

// Moves time to `time`, before which nothing is due. Only the slot that time enters on the highest
// digit that changes can hold timers that now stand on a level too high: slots of lower digits held
// what was due earlier, and higher digits stay the same.
void TimerWheel::move_to(std::int64_t time) {
  const int level = level_of(time ^ now_);
  now_ = time;
  if (level == 0) return;  // slots of one tick have nowhere to go
  // The slots that this fills are empty before, so the order of add() holds within each of them.
  for (std::uint32_t node = take_slot(level, digit(time, level)).head; node != kNone;) {
    const std::uint32_t next = nodes_[node].next;
    place(node);
    node = next;
  }
}

void TimerWheel::expire_current(const Expire& expire) {
  for (std::uint32_t node = take_slot(0, digit(now_, 0)).head; node != kNone;) {
    const TimerEntry entry = nodes_[node].entry;
    const std::uint32_t next = nodes_[node].next;
    nodes_[node].next = std::exchange(free_, node);
    --size_;
    expire(entry);  // may add(), which may take this node or move the array
    node = next;
  }
}

// Copies the timers into an array of their size, slot by slot.
void TimerWheel::compact() {
  std::vector<Node> kept;
  kept.reserve(size_ * 2);
  for (Level& level : wheel_) {
    for (Slot& slot : level.slots) {
      if (slot.head == kNone) continue;
      std::uint32_t node = slot.head;
      slot.head = static_cast<std::uint32_t>(kept.size());
      for (; node != kNone; node = nodes_[node].next) {
        kept.push_back(nodes_[node]);
        kept.back().next = static_cast<std::uint32_t>(kept.size());
      }
      kept.back().next = kNone;
      slot.tail = static_cast<std::uint32_t>(kept.size() - 1);
    }
  }
  nodes_ = std::move(kept);
  free_ = kNone;
}

}  // namespace runtime
