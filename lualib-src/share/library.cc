#include "share/library.h"

namespace runtime::share {

ImageRef Library::find(std::string_view name) const noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(name);
  return found == current_.end() ? ImageRef() : found->second;
}

std::vector<std::string> Library::names() const noexcept {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, image] : current_) names.push_back(name);
  return names;
}

// Under the lock. The version before, if any, goes to `old`, to be freed without the lock.
void Library::publish(std::string_view name, ImageRef image, std::uint64_t lineage, ImageRef* old) {
  auto* unpublished = const_cast<Image*>(image.get());
  unpublished->name_ = name;
  unpublished->lineage_ = lineage;
  ImageRef& place = current_[std::string(name)];
  *old = std::exchange(place, std::move(image));
}

bool Library::add(std::string_view name, ImageRef image) noexcept {
  ImageRef old;
  const std::lock_guard lock(mutex_);
  if (current_.find(name) != current_.end()) return false;
  publish(name, std::move(image), ++last_lineage_, &old);
  return true;
}

void Library::replace(std::string_view name, ImageRef image) noexcept {
  ImageRef old;
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(name);
  publish(name, std::move(image),
          found == current_.end() ? ++last_lineage_ : found->second->lineage(), &old);
}

bool Library::remove(std::string_view name) noexcept {
  ImageRef old;
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(name);
  if (found == current_.end()) return false;
  old = std::move(found->second);
  current_.erase(found);
  return true;
}

void Library::hold(std::uint64_t lineage, std::uint32_t service) noexcept {
  const std::lock_guard lock(mutex_);
  ++holders_[{lineage, service}];
}

void Library::let_go(std::uint64_t lineage, std::uint32_t service) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = holders_.find({lineage, service});
  if (found != holders_.end() && --found->second == 0) holders_.erase(found);
}

std::vector<std::uint32_t> Library::holders(std::string_view name) const noexcept {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint32_t> services;
  const auto found = current_.find(name);
  if (found == current_.end()) return services;
  const std::uint64_t lineage = found->second->lineage();
  for (auto at = holders_.lower_bound({lineage, 0});
       at != holders_.end() && at->first.first == lineage; ++at) {
    services.push_back(at->first.second);
  }
  return services;
}

Library& library(Kind kind) noexcept {
  // Never destroyed: services may end, and let go of data, after the process's static objects.
  static auto* const libraries = new Library[3];
  return libraries[static_cast<int>(kind)];
}

}  // namespace runtime::share
