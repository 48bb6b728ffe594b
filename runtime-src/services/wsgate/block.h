// Owned memory from malloc, as messages have it.
#pragma once

#include <cstdlib>
#include <memory>

namespace runtime::wsgate {

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<char, Free>;

}  // namespace runtime::wsgate
