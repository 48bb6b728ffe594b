// Writes JSON into a buffer that grows and is used again.
//
// Threads: one user at a time. When memory runs out it calls what on_no_memory() has named, which does not return: what
// is written until then stays. So whoever writes may raise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace runtime::json {

class Writer {
 public:
  Writer() = default;
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::string_view text() const { return {data_, size_}; }
  void clear() { size_ = 0; }
  // Without it the process ends.
  void on_no_memory(void (*fail)(void* argument), void* argument) {
    fail_ = fail;
    argument_ = argument;
  }
  // Room for `size` bytes behind the text, for any use until the next call. Never null.
  char* reserve(std::size_t size) { return room(size + 1); }
  // Gives the memory back.
  void release() noexcept;
  std::size_t capacity() const { return capacity_; }

  void raw(char c) {
    if (size_ == capacity_) grow(1);
    data_[size_++] = c;
  }
  void raw(std::string_view text) {
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }

  // In quotes. `escape_slash`: / becomes \/, so that "</script>" may stand in a web page.
  void string(std::string_view text, bool escape_slash);
  void integer(std::int64_t value);
  // As printf's %.<precision>g, whatever the locale; infinities and NaN as inf, -inf, nan.
  void number(double value, int precision);

 private:
  char* room(std::size_t size) {
    if (capacity_ - size_ < size) grow(size);
    return data_ + size_;
  }
  void grow(std::size_t more);

  void (*fail_)(void*) = nullptr;
  void* argument_ = nullptr;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace runtime::json
