#include "share/image_builder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace runtime::share {
namespace {

std::uint32_t hash_of(const Value& key) {
  return key.type == Type::text ? key.text->hash : hash_bits(key.bits);
}

}  // namespace

ImageBuilder::ImageBuilder() noexcept : image_(new Image) {}

ImageBuilder::~ImageBuilder() {
  if (image_ != nullptr) image_->release();
}

void* ImageBuilder::allocate(std::size_t bytes) {
  bytes = (bytes + 7) & ~std::size_t{7};
  if (bytes > free_bytes_) {
    const bool own_block = bytes > block_bytes_ / 2;
    const std::size_t size = own_block ? bytes : block_bytes_;
    char* block = image_->add_block(size);
    if (own_block) return block;
    free_ = block;
    free_bytes_ = size;
    block_bytes_ = std::min(block_bytes_ * 2, kLargestBlock);
  }
  void* result = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return result;
}

Table* ImageBuilder::add_table() noexcept {
  auto* table = new (allocate(sizeof(Table))) Table;
  table->image_ = image_;
  return table;
}

const Text* ImageBuilder::text(std::string_view bytes) noexcept {
  const auto known = texts_.find(bytes);
  if (known != texts_.end()) return known->second;
  RUNTIME_CHECK(bytes.size() < 0xffffffff, "a shared string has less than 4 GB");
  auto* text = static_cast<Text*>(allocate(sizeof(Text) + bytes.size() + 1));
  text->hash = hash_text(bytes);
  text->size = static_cast<std::uint32_t>(bytes.size());
  auto* data = reinterpret_cast<char*>(text + 1);
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  data[bytes.size()] = '\0';
  texts_.emplace(text->view(), text);
  return text;
}

Value ImageBuilder::add_function(Function function) noexcept {
  Value value;
  value.type = Type::function;
  value.function = image_->functions_.size();
  image_->functions_.push_back(std::move(function));
  return value;
}

void ImageBuilder::begin(Table* table) noexcept {
  if (image_->root_ == nullptr) image_->root_ = table;
  filling_ = table;
  elements_.clear();
  entries_.clear();
}

// The first table that refers to another one becomes its parent. One that is filled already is no
// child: so no chain of parents is a circle.
void ImageBuilder::adopt(const Value& value, std::uint32_t slot) {
  if (value.type != Type::table || value.table == filling_) return;
  auto* table = const_cast<Table*>(value.table);
  if (table->parent_ != nullptr || table->data_ != nullptr) return;
  table->parent_ = filling_;
  table->parent_slot_ = slot;
}

void ImageBuilder::end() noexcept {
  Table* table = std::exchange(filling_, nullptr);
  RUNTIME_CHECK(elements_.size() + entries_.size() < Table::kNone / 2,
                "a shared table has less than 2^31 entries");
  const auto elements = static_cast<std::uint32_t>(elements_.size());
  const auto entries = static_cast<std::uint32_t>(entries_.size());
  const std::uint32_t index_size =
      entries <= Table::kScanned ? 0 : std::bit_ceil(entries + entries / 2);

  table->array_size_ = elements;
  table->entry_count_ = entries;
  table->index_mask_ = index_size == 0 ? 0 : index_size - 1;
  const std::size_t words = std::size_t{elements} + 2 * std::size_t{entries};
  table->data_ = static_cast<std::uint64_t*>(allocate(words * sizeof(std::uint64_t) +
                                                      index_size * sizeof(std::uint32_t) +
                                                      words * sizeof(Type) + 1));

  std::uint64_t* word = table->data_;
  auto* type = const_cast<Type*>(table->types());
  filling_ = table;
  std::uint32_t slot = 0;
  for (const Value& value : elements_) {
    *word++ = value.bits;
    *type++ = value.type;
    adopt(value, slot++);
  }
  for (const auto& [key, value] : entries_) {
    *word++ = value.bits;
    *type++ = value.type;
    adopt(value, slot++);
  }
  for (const auto& [key, value] : entries_) {
    *word++ = key.bits;
    *type++ = key.type;
  }
  filling_ = nullptr;

  if (index_size == 0) return;
  auto* index = const_cast<std::uint32_t*>(table->index());
  std::fill_n(index, index_size, Table::kNone);
  for (std::uint32_t entry = 0; entry < entries; ++entry) {
    std::uint32_t at = hash_of(entries_[entry].first) & table->index_mask_;
    while (index[at] != Table::kNone) at = (at + 1) & table->index_mask_;
    index[at] = entry;
  }
}

ImageRef ImageBuilder::finish() noexcept {
  texts_.clear();
  return ImageRef(std::exchange(image_, nullptr));
}

}  // namespace runtime::share
