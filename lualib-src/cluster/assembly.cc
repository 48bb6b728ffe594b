#include "cluster/assembly.h"

#include <cstring>

#include "base/check.h"

namespace runtime::cluster {

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
  if (bytes_.data == nullptr && total_ > 0) {
    if (total_ > budget_->left) return Added::no_room;
    // All of it: growing would copy what is there, and hold the link up for that. The system makes
    // pages of it when they are written. A peer must not end this process by what it announces.
    bytes_.data = static_cast<char*>(std::malloc(total_));
    if (bytes_.data == nullptr) return Added::no_room;
    budget_->left -= total_;
  }
  if (!part.empty()) std::memcpy(bytes_.data + bytes_.size, part.data(), part.size());
  bytes_.size += part.size();
  return Added::yes;
}

Owned Assembly::take() {
  if (bytes_.data != nullptr) budget_->left += total_;
  return std::exchange(bytes_, {});
}

}  // namespace runtime::cluster
