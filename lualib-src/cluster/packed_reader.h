// Reads simple values of a packed message (lua/seri_format.h): what services tell a link, and what
// nodes ask by name. For messages that Lua code never sees.
#pragma once

#include <cstdint>
#include <string_view>

namespace runtime::cluster {

class PackedReader {
 public:
  explicit PackedReader(std::string_view bytes) : rest_(bytes) {}

  // Take the next value if it is of this kind; false, and nothing is taken, if not.
  bool string(std::string_view* value);
  bool integer(std::int64_t* value);
  bool pointer(void** value);
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace runtime::cluster
