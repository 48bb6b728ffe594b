// UTF-8, as RFC 3629 has it.
#pragma once

#include <string_view>

namespace runtime {

// Whether the text is whole, shortest-form UTF-8 without surrogates.
bool is_utf8(std::string_view text);

}  // namespace runtime
