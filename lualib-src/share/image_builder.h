// Makes one Image.
//
//   ImageBuilder builder;
//   Table* root = builder.add_table();
//   builder.begin(root);
//   builder.element(Value::of(true));                              // [1]
//   builder.entry(Value::of(builder.text("name")), Value::of(1.5));
//   builder.end();
//   ImageRef image = builder.finish();
//
// The first table that is filled is the root. The others should be filled in the order in which the
// first reference to each was met: that reference tells the way from the root (Table::parent). They
// may refer to each other in any way; each must be filled once.
//
// Threads: one. Memory: running out ends the process.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "share/image.h"

namespace runtime::share {

class ImageBuilder {
 public:
  ImageBuilder() noexcept;
  ~ImageBuilder();
  ImageBuilder(const ImageBuilder&) = delete;
  ImageBuilder& operator=(const ImageBuilder&) = delete;

  Table* add_table() noexcept;
  // Stored once, however often it is asked for.
  const Text* text(std::string_view bytes) noexcept;
  Value add_function(Function function) noexcept;
  Function& function(const Value& value) { return image_->functions_[value.function]; }

  // The content of one table. Keys are not nil, and not those of elements; entries without a value
  // are left out, elements may be nil.
  void begin(Table* table) noexcept;
  void element(const Value& value) noexcept { elements_.push_back(value); }
  std::size_t elements() const { return elements_.size(); }
  // Takes the last elements back, down to the first `count`.
  void keep_elements(std::size_t count) noexcept { elements_.resize(count); }
  void entry(const Value& key, const Value& value) noexcept {
    if (value.type != Type::nil) entries_.emplace_back(key, value);
  }
  void end() noexcept;

  // The image, whole from now on. The builder is of no further use.
  ImageRef finish() noexcept;

 private:
  void* allocate(std::size_t bytes);
  void adopt(const Value& value, std::uint32_t slot);

  static constexpr std::size_t kSmallestBlock = std::size_t{4} << 10;
  static constexpr std::size_t kLargestBlock = std::size_t{1} << 20;

  Image* image_;
  char* free_ = nullptr;
  std::size_t free_bytes_ = 0;
  std::size_t block_bytes_ = kSmallestBlock;

  Table* filling_ = nullptr;
  std::vector<Value> elements_;
  std::vector<std::pair<Value, Value>> entries_;
  std::unordered_map<std::string_view, const Text*> texts_;
};

}  // namespace runtime::share
