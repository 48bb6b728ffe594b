// A regular expression of a filter: PCRE2, as MongoDB has it.
//
// Threads: any, once made.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "docstore/document/error.h"

struct pcre2_real_code_8;
struct pcre2_real_match_context_8;

namespace runtime::document {

class Regex {
 public:
  // Options: i, m, s, x and u. Patterns and texts are UTF-8; a text that is not matches in its valid parts.
  static std::optional<Regex> compile(std::string_view pattern, std::string_view options,
                                      CommandError* error);

  // Whether some part of the text matches. The search is bounded: *fault becomes other than 0 when it was given up.
  bool matches(std::string_view text, int* fault) const;

  // The letters with which all texts that match begin; empty: not known.
  const std::string& prefix() const { return prefix_; }

 private:
  struct Free {
    void operator()(pcre2_real_code_8* code) const;
  };
  struct FreeBounds {
    void operator()(pcre2_real_match_context_8* bounds) const;
  };
  std::unique_ptr<pcre2_real_code_8, Free> code_;
  std::unique_ptr<pcre2_real_match_context_8, FreeBounds> bounds_;
  std::string prefix_;
};

}  // namespace runtime::document
