#include "sproto/slots.h"

#include <array>
#include <mutex>
#include <utility>

namespace runtime::sproto {

namespace {

struct Slots {
  std::mutex mutex;
  std::array<SchemaRef, kSlots> schemas;  // guarded by mutex
};

Slots& slots() {
  // Never destroyed: services may still end while the process does.
  static Slots& all = *new Slots;
  return all;
}

}  // namespace

void save(int slot, SchemaRef schema) noexcept {
  Slots& all = slots();
  {
    const std::lock_guard lock(all.mutex);
    std::swap(all.schemas[static_cast<std::size_t>(slot)], schema);
  }
  // The old schema, if this was the last reference to it, goes here, without the lock.
}

SchemaRef saved(int slot) noexcept {
  Slots& all = slots();
  const std::lock_guard lock(all.mutex);
  return all.schemas[static_cast<std::size_t>(slot)];
}

}  // namespace runtime::sproto
