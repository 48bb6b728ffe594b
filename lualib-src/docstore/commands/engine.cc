#include "docstore/commands/engine.h"

namespace runtime::docstore {

document::Clock Engine::clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return {ms, static_cast<std::uint64_t>(ms / 1000) << 32 | ++stamps_};
}

}  // namespace runtime::docstore
