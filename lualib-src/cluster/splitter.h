// The stream of one connection, cut into packets: two bytes of length, high byte first, then the body.
//
// Memory: what has come of one packet, at most 65537 bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace runtime::cluster {

class Splitter {
 public:
  // Calls take(body) for each packet that is whole now, in order; `body` lives until take returns. When take
  // returns false the rest of the stream is dropped.
  template <class Take>
  void feed(std::string_view bytes, Take&& take) {
    while (!rest_.empty() && !bytes.empty()) {
      // First the length, then the rest of the packet that has begun.
      const std::size_t wanted = rest_.size() < 2 ? 2 : 2 + length_at(rest_.data());
      const std::size_t count = std::min(wanted - rest_.size(), bytes.size());
      rest_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
      if (rest_.size() < 2 || rest_.size() < 2 + length_at(rest_.data())) continue;
      const bool more = take(std::string_view(rest_).substr(2));
      rest_.clear();
      if (!more) return;
    }
    while (bytes.size() >= 2 && bytes.size() >= 2 + length_at(bytes.data())) {
      const std::size_t size = length_at(bytes.data());
      if (!take(bytes.substr(2, size))) return;
      bytes.remove_prefix(2 + size);
    }
    rest_.append(bytes);
  }

 private:
  static std::size_t length_at(const char* at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(at[0])) << 8 |
           static_cast<unsigned char>(at[1]);
  }

  std::string rest_;  // what has come of a packet that is not whole
};

}  // namespace runtime::cluster
