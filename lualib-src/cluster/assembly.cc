#include "cluster/assembly.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace runtime::cluster {

namespace {

// The first piece of memory: enough for most large messages at once, little enough to waste.
constexpr std::size_t kFirstBytes = 4 * 1024 * 1024;

}  // namespace

Owned Owned::copy_of(std::string_view bytes) {
  if (bytes.empty()) return {};
  auto* copy = static_cast<char*>(std::malloc(bytes.size()));
  RUNTIME_CHECK(copy != nullptr, "out of memory");
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

Assembly::Added Assembly::add(std::string_view part) {
  if (part.size() > total_ - bytes_.size) {
    drop();
    return Added::too_long;
  }
  const std::size_t wanted = bytes_.size + part.size();
  if (wanted > capacity_) {
    const std::size_t capacity = std::min(total_, std::max({wanted, kFirstBytes, 2 * capacity_}));
    if (capacity - capacity_ > budget_->left) {
      drop();
      return Added::no_room;
    }
    budget_->left -= capacity - capacity_;
    capacity_ = capacity;
    bytes_.data = static_cast<char*>(std::realloc(bytes_.data, capacity));
    RUNTIME_CHECK(bytes_.data != nullptr, "out of memory");
  }
  if (!part.empty()) std::memcpy(bytes_.data + bytes_.size, part.data(), part.size());
  bytes_.size = wanted;
  return Added::yes;
}

Owned Assembly::take() {
  if (budget_ != nullptr) budget_->left += capacity_;
  capacity_ = 0;
  return std::exchange(bytes_, {});
}

}  // namespace runtime::cluster
