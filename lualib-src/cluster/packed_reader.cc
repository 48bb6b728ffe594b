#include "cluster/packed_reader.h"

#include <cstring>

namespace runtime::cluster {

namespace {

enum : unsigned { kNumber = 2, kPointer = 3, kShortString = 4, kLongString = 5 };

template <class T>
T read(const char* at) {  // little endian, as the machines that this runs on
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

}  // namespace

bool PackedReader::string(std::string_view* value) {
  if (rest_.empty()) return false;
  const auto head = static_cast<unsigned char>(rest_.front());
  std::size_t before = 1, size = head >> 3;
  if ((head & 7) == kLongString) {
    before += size;
    if ((size != 2 && size != 4) || rest_.size() < before) return false;
    size =
        size == 2 ? read<std::uint16_t>(rest_.data() + 1) : read<std::uint32_t>(rest_.data() + 1);
  } else if ((head & 7) != kShortString) {
    return false;
  }
  if (rest_.size() - before < size) return false;
  *value = rest_.substr(before, size);
  rest_.remove_prefix(before + size);
  return true;
}

bool PackedReader::integer(std::int64_t* value) {
  if (rest_.empty()) return false;
  const auto head = static_cast<unsigned char>(rest_.front());
  const std::size_t size = head >> 3;
  if ((head & 7) != kNumber || rest_.size() < 1 + size) return false;
  const char* at = rest_.data() + 1;
  switch (size) {
    case 0: *value = 0; break;
    case 1: *value = read<std::uint8_t>(at); break;
    case 2: *value = read<std::uint16_t>(at); break;
    case 4: *value = read<std::int32_t>(at); break;
    case 8: return false;  // a double has this cookie
    case 6:
      if (rest_.size() < 9) return false;
      *value = read<std::int64_t>(at);
      rest_.remove_prefix(9);
      return true;
    default: return false;
  }
  rest_.remove_prefix(1 + size);
  return true;
}

bool PackedReader::pointer(void** value) {
  if (rest_.size() < 9 || (static_cast<unsigned char>(rest_.front()) & 7) != kPointer) return false;
  *value = read<void*>(rest_.data() + 1);
  rest_.remove_prefix(9);
  return true;
}

}  // namespace runtime::cluster
