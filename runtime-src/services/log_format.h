// How a line of the log looks.
#pragma once

#include <time.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace runtime {

// The text without the sequences that colour it on a terminal (ESC [ ... m).
std::string without_colours(std::string_view text);

// A line as a JSON object, without its end:
//
//   {"time":"2026-11-25T09:41:07.030+00:00","source":":0000000a","level":"warn","text":"..."}
//
// The time is local, with its offset. "level" is there when the text begins with [DEBUG], [INFO], [WARN] or [ERROR], as
// those of the module `log` do; the text keeps it. Bytes that are no UTF-8 become U+FFFD.
std::string json_line(std::uint32_t source, std::string_view text, timespec now);

}  // namespace runtime
