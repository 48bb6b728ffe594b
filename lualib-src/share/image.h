// An immutable tree (or graph) of tables that any number of services read, whatever their engine.
//
//   Image: one block of memory that holds all of the tables and strings below
//     Table: array part 1..n | other entries, in the order of insertion | hash index when they are
//            many
//     Text:  the bytes of a string, once for each different string
//
// Threads:   an Image never changes after ImageBuilder::finish(), but for its reference count: any
//            thread.
// Ownership: counted references (ImageRef). Tables, texts and functions live as long as their
//            image.
// Cost:      9 bytes an array element, 18 for another entry plus 5 to 10 for the index of large
//            tables.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runtime::share {

class Image;
class ImageBuilder;

enum class Type : std::uint8_t { nil, boolean, integer, number, text, table, pointer, function };

// A string of an image. The bytes, and a NUL, follow the header.
struct Text {
  std::uint32_t hash;
  std::uint32_t size;

  const char* data() const { return reinterpret_cast<const char*>(this + 1); }
  std::string_view view() const { return {data(), size}; }
};

// The hash of Text and of keys that are text; the hash of other keys.
std::uint32_t hash_text(std::string_view text) noexcept;
std::uint32_t hash_bits(std::uint64_t bits) noexcept;

class Table;

struct Value {
  Type type = Type::nil;
  union {
    bool boolean;
    std::int64_t integer;
    double number;
    const Text* text;
    const Table* table;
    void* pointer;
    std::uint64_t function;  // index into Image::functions()
    std::uint64_t bits = 0;
  };

  static Value of(bool value) {
    Value v;
    v.type = Type::boolean;
    v.bits = value;
    return v;
  }
  static Value of(std::int64_t value) {
    Value v;
    v.type = Type::integer;
    v.integer = value;
    return v;
  }
  static Value of(double value) {
    Value v;
    v.type = Type::number;
    v.number = value;
    return v;
  }
  static Value of(const Text* value) {
    Value v;
    v.type = Type::text;
    v.text = value;
    return v;
  }
  static Value of(const Table* value) {
    Value v;
    v.type = Type::table;
    v.table = value;
    return v;
  }
  static Value of(void* value) {
    Value v;
    v.type = Type::pointer;
    v.pointer = value;
    return v;
  }
};

// A key to look for. Numbers without fraction that fit 64 bits are integers; others than these four
// kinds of keys are compared by their bits.
struct Key {
  Type type = Type::nil;
  std::uint64_t bits = 0;
  std::string_view text;

  static Key of(std::string_view text) { return {Type::text, 0, text}; }
  static Key of(std::int64_t value) {
    return {Type::integer, static_cast<std::uint64_t>(value), {}};
  }
};

// The key that a value of an image is.
Key to_key(const Value& value);

class Table {
 public:
  const Image& image() const { return *image_; }

  // The table and the place in it through which this one was first reached; null for the root.
  const Table* parent() const { return parent_; }
  std::uint32_t parent_slot() const { return parent_slot_; }

  // What # gives.
  std::uint32_t length() const { return array_size_; }

  // Slots are numbered from 0: the array part, then the other entries. Those of the array part may
  // be nil.
  std::uint32_t slots() const { return array_size_ + entry_count_; }
  Value key(std::uint32_t slot) const;
  Value value(std::uint32_t slot) const;

  static constexpr std::uint32_t kNone = 0xffffffff;
  // The slot of a key; kNone when it is absent. One that is there may hold nil in the array part.
  std::uint32_t find(const Key& key) const noexcept;

 private:
  friend class ImageBuilder;

  static constexpr std::uint32_t kScanned = 8;  // entries up to which there is no hash index

  Value load(Type type, std::uint64_t bits) const {
    Value value;
    value.type = type;
    value.bits = bits;
    return value;
  }
  bool matches(std::uint32_t entry, const Key& key, std::uint32_t hash) const noexcept;

  // data_:  u64 array[array_size_], u64 values[entry_count_], u64 keys[entry_count_],
  //         u32 index[index_mask_ + 1] (only if there is one), Type types[...] in the order of the u64s
  const std::uint64_t* array() const { return data_; }
  const std::uint64_t* values() const { return data_ + array_size_; }
  const std::uint64_t* keys() const { return values() + entry_count_; }
  const std::uint32_t* index() const {
    return reinterpret_cast<const std::uint32_t*>(keys() + entry_count_);
  }
  const Type* types() const {
    return reinterpret_cast<const Type*>(index() + (index_mask_ == 0 ? 0 : index_mask_ + 1));
  }

  const Image* image_ = nullptr;
  const Table* parent_ = nullptr;
  std::uint64_t* data_ = nullptr;
  std::uint32_t parent_slot_ = 0;
  std::uint32_t array_size_ = 0;
  std::uint32_t entry_count_ = 0;
  std::uint32_t index_mask_ = 0;  // its size - 1; 0 without an index
};

enum class Engine : std::uint8_t { lua54, luajit };
constexpr int kEngines = 2;

// A function without upvalues. Each engine has its own form of it, or none.
struct Function {
  std::string library;             // of a function of the standard libraries: "math", and
  std::string name;                // "floor"; they are found in each state
  std::string bytecode[kEngines];  // of a Lua function; empty: not to be had on that engine
  void* native[kEngines] = {};     // another C function
};

class Image {
 public:
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  const Table* root() const { return root_; }
  const std::vector<Function>& functions() const { return functions_; }
  std::size_t bytes() const { return bytes_; }

  // Set by the Library that publishes it. All versions of one document have the same lineage.
  const std::string& name() const { return name_; }
  std::uint64_t lineage() const { return lineage_; }

  void retain() const { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() const;
  std::size_t references() const { return references_.load(std::memory_order_relaxed); }

 private:
  friend class ImageBuilder;
  friend class Library;

  Image();
  ~Image();
  char* add_block(std::size_t bytes);

  mutable std::atomic<std::size_t> references_{1};
  const Table* root_ = nullptr;
  std::vector<char*> blocks_;
  std::vector<Function> functions_;
  std::size_t bytes_ = 0;
  std::string name_;
  std::uint64_t lineage_ = 0;
};

// What all images of the process together are.
struct ImageTotals {
  std::size_t images;
  std::size_t bytes;
};
ImageTotals image_totals() noexcept;

// One reference to an image, or to none.
class ImageRef {
 public:
  ImageRef() = default;
  // Takes over a reference.
  explicit ImageRef(const Image* image) : image_(image) {}
  ImageRef(const ImageRef& other) : image_(other.image_) {
    if (image_ != nullptr) image_->retain();
  }
  ImageRef(ImageRef&& other) noexcept : image_(std::exchange(other.image_, nullptr)) {}
  ImageRef& operator=(ImageRef other) noexcept {
    std::swap(image_, other.image_);
    return *this;
  }
  ~ImageRef() {
    if (image_ != nullptr) image_->release();
  }

  const Image* get() const { return image_; }
  const Image* operator->() const { return image_; }
  explicit operator bool() const { return image_ != nullptr; }
  // Gives the reference away.
  const Image* take() { return std::exchange(image_, nullptr); }

 private:
  const Image* image_ = nullptr;
};

// The table at the same path from the root of `image` as `table` has in its own image; null when
// there is none.
const Table* same_place(const Table* table, const Image& image) noexcept;

}  // namespace runtime::share
