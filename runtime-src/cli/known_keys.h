// The config keys that the runtime and its libraries read, and what a misspelt one may have meant.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace runtime {

bool is_known_key(std::string_view key);

// The known key that `key`, which is none, is most like; nothing when it is like none. An
// application may have keys of its own, so that being unknown is no fault.
std::optional<std::string_view> similar_key(std::string_view key);

// What to say of a key that looks misspelt; empty for any other one.
std::string key_warning(std::string_view key);

}  // namespace runtime
