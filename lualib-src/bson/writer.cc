#include "bson/writer.h"

#include <cstdlib>

#include "base/check.h"
#include "base/utf8.h"

namespace runtime::bson {

namespace {

constexpr std::size_t kFirstBytes = 1024;

}  // namespace

// Not in the header: there gcc sees keys that are longer than digits_ when it builds with UBSan, and warns of them.
std::string_view ArrayKey::next() noexcept {
  int digit = kLast;
  while (digit >= first_ && digits_[digit] == '9') digits_[digit--] = '0';
  if (digit < first_) {
    digits_[digit] = '1';
    first_ = digit;
  } else {
    ++digits_[digit];
  }
  return {digits_ + first_, static_cast<std::size_t>(kLast - first_) + 1};
}

KeyFault odd_key_fault(std::string_view key) noexcept {
  if (key.find('\0') != std::string_view::npos) return KeyFault::zero;
  return is_utf8(key) ? KeyFault::none : KeyFault::utf8;
}

Writer::~Writer() { std::free(data_); }

void Writer::clear(std::size_t keep) noexcept {
  size_ = 0;
  overflowed_ = false;
  if (capacity_ <= keep) return;
  std::free(data_);
  data_ = nullptr;
  capacity_ = 0;
}

void Writer::grow(std::size_t more) noexcept {
  // Even when nothing fits any more, there is room for what close() and open() write without asking.
  if (overflowed_ || more > kLargestDocument || size_ > kLargestDocument - more) {
    overflowed_ = true;
    size_ = 0;
    more = kSmallestDocument;
    if (capacity_ >= more) return;
  }
  std::size_t capacity = capacity_ * 2;
  if (capacity < kFirstBytes) capacity = kFirstBytes;
  if (capacity < size_ + more) capacity = size_ + more;
  data_ = static_cast<char*>(std::realloc(data_, capacity));
  RUNTIME_CHECK(data_ != nullptr, "no memory left for a BSON document");
  capacity_ = capacity;
}

void Writer::binary(std::string_view key, std::uint8_t subtype, std::string_view bytes) {
  char* const at = head(Type::binary, key, bytes.size() + 5);
  if (at == nullptr) return;
  const auto size = static_cast<std::int32_t>(bytes.size());
  std::memcpy(at, &size, sizeof size);
  at[4] = static_cast<char>(subtype);
  copy_short(at + 5, bytes.data(), bytes.size());
}

void Writer::regex(std::string_view key, std::string_view pattern, std::string_view options) {
  char* const at = head(Type::regex, key, pattern.size() + options.size() + 2);
  if (at == nullptr) return;
  copy_short(at, pattern.data(), pattern.size());
  at[pattern.size()] = '\0';
  char* const second = at + pattern.size() + 1;
  copy_short(second, options.data(), options.size());
  second[options.size()] = '\0';
}

}  // namespace runtime::bson
