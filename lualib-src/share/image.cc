#include "share/image.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace runtime::share {
namespace {

std::atomic<std::size_t> live_images{0};
std::atomic<std::size_t> live_bytes{0};

std::uint64_t load8(const char* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
std::uint64_t load4(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

std::uint64_t mix(std::uint64_t value) {
  value *= 0x9e3779b97f4a7c15;
  return value ^ value >> 32;
}

std::uint32_t hash_key(const Key& key) {
  return key.type == Type::text ? hash_text(key.text) : hash_bits(key.bits);
}

}  // namespace

std::uint32_t hash_bits(std::uint64_t bits) noexcept {
  return static_cast<std::uint32_t>(mix(bits));
}

std::uint32_t hash_text(std::string_view text) noexcept {
  std::uint64_t hash = mix(text.size() + 1);
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left > 8; left -= 8, at += 8) hash = mix(hash ^ load8(at));
  if (left >= 4) {  // the last 4 to 8 bytes, read twice where they overlap
    hash = mix(hash ^ (load4(at) | load4(at + left - 4) << 32));
  } else if (left > 0) {
    const auto byte = [&](std::size_t i) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i]));
    };
    hash = mix(hash ^ (byte(0) | byte(left / 2) << 8 | byte(left - 1) << 16));
  }
  return static_cast<std::uint32_t>(hash);
}

Key to_key(const Value& value) {
  if (value.type == Type::text) return Key::of(value.text->view());
  return {value.type, value.bits, {}};
}

Value Table::key(std::uint32_t slot) const {
  if (slot < array_size_) return Value::of(static_cast<std::int64_t>(slot) + 1);
  const std::uint32_t entry = slot - array_size_;
  return load(types()[slots() + entry], keys()[entry]);
}

Value Table::value(std::uint32_t slot) const { return load(types()[slot], data_[slot]); }

bool Table::matches(std::uint32_t entry, const Key& key, std::uint32_t hash) const noexcept {
  if (types()[slots() + entry] != key.type) return false;
  if (key.type != Type::text) return keys()[entry] == key.bits;
  const auto* text = reinterpret_cast<const Text*>(keys()[entry]);
  return text->hash == hash && text->view() == key.text;
}

std::uint32_t Table::find(const Key& key) const noexcept {
  if (key.type == Type::integer && key.bits - 1 < array_size_)
    return static_cast<std::uint32_t>(key.bits - 1);
  if (entry_count_ == 0) return kNone;
  const std::uint32_t hash = hash_key(key);
  if (index_mask_ == 0) {
    for (std::uint32_t entry = 0; entry < entry_count_; ++entry) {
      if (matches(entry, key, hash)) return array_size_ + entry;
    }
    return kNone;
  }
  for (std::uint32_t at = hash & index_mask_;; at = (at + 1) & index_mask_) {
    const std::uint32_t entry = index()[at];
    if (entry == kNone) return kNone;
    if (matches(entry, key, hash)) return array_size_ + entry;
  }
}

void Image::release() const {
  // Pairs with the releases of other threads: what they read is read before the memory goes.
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

Image::Image() { live_images.fetch_add(1, std::memory_order_relaxed); }

Image::~Image() {
  for (char* block : blocks_) std::free(block);
  live_images.fetch_sub(1, std::memory_order_relaxed);
  live_bytes.fetch_sub(bytes_, std::memory_order_relaxed);
}

char* Image::add_block(std::size_t bytes) {
  auto* block = static_cast<char*>(std::malloc(bytes));
  RUNTIME_CHECK(block != nullptr, "there is memory for shared data");
  blocks_.push_back(block);
  bytes_ += bytes;
  live_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return block;
}

ImageTotals image_totals() noexcept {
  return {live_images.load(std::memory_order_relaxed), live_bytes.load(std::memory_order_relaxed)};
}

const Table* same_place(const Table* table, const Image& image) noexcept {
  std::vector<Value> path;  // keys, the outermost last
  for (; table->parent() != nullptr; table = table->parent()) {
    path.push_back(table->parent()->key(table->parent_slot()));
  }
  if (table != table->image().root()) return nullptr;
  const Table* place = image.root();
  for (; !path.empty() && place != nullptr; path.pop_back()) {
    const std::uint32_t slot = place->find(to_key(path.back()));
    const Value value = slot == Table::kNone ? Value() : place->value(slot);
    place = value.type == Type::table ? value.table : nullptr;
  }
  return place;
}

}  // namespace runtime::share
