// Words of texts: what the launch strings and the text commands of gate and wsgate consist of.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace runtime {

// Takes the next word off the front of `text`; an empty one at its end.
inline std::string_view take_word(std::string_view* text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text->remove_prefix(std::min(text->find_first_not_of(kBlanks), text->size()));
  const std::string_view word = text->substr(0, text->find_first_of(kBlanks));
  text->remove_prefix(word.size());
  return word;
}

// All of `word` as a number. False: it is none, or does not fit; *number stays.
template <class Number>
bool read_number(std::string_view word, int base, Number* number) {
  Number value{};
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value, base);
  if (error != std::errc() || stop != end) return false;
  *number = value;
  return true;
}

// The handle that ":hex" is.
inline bool read_handle(std::string_view word, std::uint32_t* handle) {
  return word.substr(0, 1) == ":" && read_number(word.substr(1), 16, handle);
}

}  // namespace runtime
