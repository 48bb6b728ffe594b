// The phrases of HTTP's status codes.
#pragma once

#include <string_view>

namespace runtime::http {

// Empty for a code without one.
std::string_view reason_phrase(long long code);

}  // namespace runtime::http
