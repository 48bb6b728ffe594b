#define PCRE2_CODE_UNIT_WIDTH 8
#include "docstore/document/regex.h"

#include <pcre2.h>

namespace runtime::document {

namespace {

// Steps of one search. PCRE2's own bound of 10 million takes a second; a service waits meanwhile.
constexpr std::uint32_t kMostSteps = 1000000;
constexpr std::uint32_t kMostKilobytes = 128 << 10;
constexpr std::size_t kLongestPattern = 32764;

struct FreeData {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::optional<std::uint32_t> flag_of(char option) {
  switch (option) {
    case 'i': return PCRE2_CASELESS;
    case 'm': return PCRE2_MULTILINE;
    case 's': return PCRE2_DOTALL;
    case 'x': return PCRE2_EXTENDED;
    case 'u': return 0;
    default: return {};
  }
}

// Of "^abc.*": "abc".
std::string prefix_of(std::string_view pattern) {
  constexpr std::string_view kSpecial = "\\^$.[]|()?*+{}";
  if (!pattern.starts_with('^') || pattern.find('|') != std::string_view::npos) return {};
  pattern.remove_prefix(1);
  const std::size_t end = std::min(pattern.find_first_of(kSpecial), pattern.size());
  std::string prefix(pattern.substr(0, end));
  // What may come no time at all is no part of it; of a character of several bytes neither is a part.
  if (end < pattern.size() && (pattern[end] == '?' || pattern[end] == '*' || pattern[end] == '{')) {
    while (!prefix.empty() && (prefix.back() & 0xc0) == 0x80) prefix.pop_back();
    if (!prefix.empty()) prefix.pop_back();
  }
  return prefix;
}

}  // namespace

void Regex::Free::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }
void Regex::FreeBounds::operator()(pcre2_real_match_context_8* bounds) const {
  pcre2_match_context_free(bounds);
}

std::optional<Regex> Regex::compile(std::string_view pattern, std::string_view options,
                                    CommandError* error) {
  std::uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
  for (const char option : options) {
    const std::optional<std::uint32_t> flag = flag_of(option);
    if (!flag) {
      refuse(error, location(51108), {" invalid flag in regex options: ", {&option, 1}});
      return {};
    }
    flags |= *flag;
  }
  if (pattern.find('\0') != std::string_view::npos) {
    refuse(error, location(51109), {"Regular expression cannot contain an embedded null byte"});
    return {};
  }
  if (pattern.size() > kLongestPattern) {
    refuse(error, location(51091), {"Regular expression is too long"});
    return {};
  }
  int fault = 0;
  std::size_t at = 0;
  Regex regex;
  regex.code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  flags, &fault, &at, nullptr));
  if (regex.code_ == nullptr) {
    PCRE2_UCHAR text[128] = {};
    pcre2_get_error_message(fault, text, sizeof text);
    refuse(error, location(51091),
           {"Regular expression is invalid: ", reinterpret_cast<const char*>(text)});
    return {};
  }
  regex.bounds_.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(regex.bounds_.get(), kMostSteps);
  pcre2_set_heap_limit(regex.bounds_.get(), kMostKilobytes);
  // Without it the expression is interpreted: slower, and the same.
  pcre2_jit_compile(regex.code_.get(), PCRE2_JIT_COMPLETE);
  if ((flags & (PCRE2_CASELESS | PCRE2_MULTILINE | PCRE2_EXTENDED)) == 0) {
    regex.prefix_ = prefix_of(pattern);
  }
  return regex;
}

bool Regex::matches(std::string_view text, int* fault) const {
  const std::unique_ptr<pcre2_match_data, FreeData> data(pcre2_match_data_create(1, nullptr));
  const auto search = [&](std::uint32_t flags) {
    return pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                       flags, data.get(), bounds_.get());
  };
  int result = search(0);
  // The compiled expression has a small stack; the interpreter takes from the heap.
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = search(PCRE2_NO_JIT);
  if (result < 0 && result != PCRE2_ERROR_NOMATCH) *fault = result;
  return result >= 0;
}

}  // namespace runtime::document
