#include "share/exports.h"

namespace runtime::share {

void Exports::add(ImageRef image) noexcept {
  const std::lock_guard lock(mutex_);
  const void* const address = image.get();
  images_.insert_or_assign(address, std::move(image));
}

ImageRef Exports::find(const void* address) const noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = images_.find(address);
  return found == images_.end() ? ImageRef() : found->second;
}

void Exports::remove(const void* address) noexcept {
  ImageRef image;  // goes when the lock is free again
  const std::lock_guard lock(mutex_);
  const auto found = images_.find(address);
  if (found == images_.end()) return;
  image = std::move(found->second);
  images_.erase(found);
}

Exports& exports() noexcept {
  // Never destroyed: services may end after the process's static objects.
  static auto* const all = new Exports;
  return *all;
}

}  // namespace runtime::share
