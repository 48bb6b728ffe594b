// Messages that come in parts.
//
// What a head announces is on the budget of the connection from its first part on. Nothing else bounds it, but
// memory that nobody has written to is none: it follows what has come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace runtime::cluster {

// Bytes of malloc; whoever holds them frees `data`.
struct Owned {
  char* data = nullptr;
  std::size_t size = 0;

  static Owned copy_of(std::string_view bytes);
};

// The memory that the unfinished messages of one connection may take together.
struct Budget {
  std::size_t left;
};

class Assembly {
 public:
  Assembly(std::size_t total, Budget* budget) : total_(total), budget_(budget) {}
  Assembly(Assembly&& other) noexcept { *this = std::move(other); }
  Assembly& operator=(Assembly&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    std::swap(total_, other.total_);
    std::swap(budget_, other.budget_);
    return *this;
  }
  ~Assembly() { drop(); }

  enum class Added {
    yes,
    too_long,  // more than the head has announced
    no_room,   // the budget, or the memory of the process, is used up
  };
  // After anything but `yes` the message is dropped.
  Added add(std::string_view part);
  bool complete() const { return bytes_.size == total_; }
  // The bytes so far; they are off the budget.
  Owned take();
  void drop() { std::free(take().data); }

 private:
  Owned bytes_;
  std::size_t total_ = 0;
  Budget* budget_ = nullptr;
};

}  // namespace runtime::cluster
