// One published message, shared by all services that get it.
//
// What travels from service to service is a box: 8 bytes that hold the package's address. The
// package goes when the last of its receivers has closed it. Anybody may send bytes that look like a
// box, so the address in it carries a check that only this process can make.
//
//   63      48 47                  0
//   +---------+--------------------+
//   |  check  |  address           |   an address of the user's half has 47 bits
//   +---------+--------------------+
//
// Threads:   bind_package() before any close_package(), which is for any thread. The payload is not
//            changed.
// Ownership: make_package() takes the payload (malloc); the package frees it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/check.h"
#include "base/memory_reserve.h"
#include "core/message.h"

namespace runtime {

struct MulticastPackage {
  std::atomic<std::int32_t> receivers{0};
  std::uint32_t size = 0;
  void* data = nullptr;
};

constexpr std::size_t kMulticastBoxBytes = 8;

inline MulticastPackage* make_package(void* data, std::uint32_t size) {
  void* block = needed([] { return std::malloc(sizeof(MulticastPackage)); });
  auto* package = new (block) MulticastPackage;
  package->size = size;
  package->data = data;
  return package;
}

inline void free_package(MulticastPackage* package) {
  std::free(package->data);
  std::free(package);
}

namespace multicast_detail {
constexpr int kCheckShift = 48;
inline const std::uint64_t secret = [] {
  std::uint64_t number;
  RUNTIME_CHECK(getentropy(&number, sizeof(number)) == 0, "the system has no random numbers");
  return number | 1;
}();
inline std::uint64_t check(std::uint64_t address) {
  return (address ^ secret >> 8) * secret >> kCheckShift << kCheckShift;
}
}  // namespace multicast_detail

// The content of a package's box.
inline std::uint64_t box_of(const MulticastPackage* package) {
  const auto address = reinterpret_cast<std::uint64_t>(package);
  return address | multicast_detail::check(address);
}

// The package in a box; null when the bytes are none.
inline MulticastPackage* package_in(const void* bytes, std::size_t size) {
  if (bytes == nullptr || size != kMulticastBoxBytes) return nullptr;
  std::uint64_t box;
  std::memcpy(&box, bytes, sizeof(box));
  const std::uint64_t address = box & ((std::uint64_t{1} << multicast_detail::kCheckShift) - 1);
  if (address == 0 || (address | multicast_detail::check(address)) != box) return nullptr;
  return reinterpret_cast<MulticastPackage*>(address);
}

// Sets how many receivers there are. False: that was done before.
inline bool bind_package(MulticastPackage* package, std::int32_t receivers) {
  std::int32_t unbound = 0;
  return package->receivers.compare_exchange_strong(unbound, receivers);
}

// One receiver is done; the last one frees the package. False, with nothing changed: there was none
// left to come. *left becomes the number there would be.
inline bool close_package(MulticastPackage* package, std::int32_t* left) {
  std::int32_t before = package->receivers.load(std::memory_order_relaxed);
  do {
    *left = before - 1;
    if (before <= 0) return false;
    // Each release pairs with the acquire of the last one, which frees.
  } while (!package->receivers.compare_exchange_weak(before, before - 1, std::memory_order_acq_rel,
                                                     std::memory_order_relaxed));
  if (before == 1) free_package(package);
  return true;
}

// For a message that nobody handles: a part of Node::close_unhandled().
inline void close_published(const Message& message) {
  if (message.type() != kTypeMulticast) return;
  std::int32_t left;
  if (MulticastPackage* package = package_in(message.data, message.size())) {
    close_package(package, &left);
  }
}

}  // namespace runtime
