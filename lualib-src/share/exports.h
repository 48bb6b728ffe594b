// Images that are known by their address, which goes from service to service as a light userdata: the
// matrices of skynet.sharetable.core. An address is good as long as its image is exported.
//
// Threads: any.
#pragma once

#include <map>
#include <mutex>

#include "share/image.h"

namespace runtime::share {

class Exports {
 public:
  void add(ImageRef image) noexcept;
  // None for what is no address of an exported image.
  ImageRef find(const void* address) const noexcept;
  void remove(const void* address) noexcept;

 private:
  mutable std::mutex mutex_;
  std::map<const void*, ImageRef> images_;  // guarded by mutex_
};

Exports& exports() noexcept;

}  // namespace runtime::share
