// Runs verify_tokens.py, which checks tokens with code that shares nothing with ours.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace runtime {

// What the script printed, without the newline: "ok", or what is wrong. The tests run in the top
// folder.
inline std::string independent_check(const std::vector<std::string>& arguments) {
  std::string command = "python3 test/unit/verify_tokens.py";
  for (const std::string& argument : arguments) {
    command += " '";
    for (const char c : argument) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
    command += "'";
  }
  std::FILE* out = ::popen((command + " 2>&1").c_str(), "r");
  if (out == nullptr) return "popen failed";
  std::string text;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof(buffer), out)) text.append(buffer, n);
  ::pclose(out);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace runtime
