#include "core/failures.h"

#include <algorithm>

namespace runtime {

std::string one_line(std::string_view text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  if (!line.ends_with(':') || line.ends_with("not found:") || end == text.size()) return line;
  std::string_view second = text.substr(end + 1);
  second = second.substr(0, second.find('\n'));
  second.remove_prefix(std::min(second.find_first_not_of(" \t"), second.size()));
  return line.append(" ").append(second);
}

void Failures::note(Handle service, std::string_view text) {
  std::string line = one_line(text);
  std::lock_guard lock(mutex_);
  service_ = service;
  why_ = std::move(line);
}

std::string Failures::why(Handle service) const {
  std::lock_guard lock(mutex_);
  return service == service_ ? why_ : "";
}

void Failures::end_node(std::string_view reason) {
  std::string line = one_line(reason);
  std::lock_guard lock(mutex_);
  if (reason_.empty() && !settled_) reason_ = std::move(line);
}

void Failures::settle() {
  std::lock_guard lock(mutex_);
  settled_ = true;
}

std::string Failures::reason() const {
  std::lock_guard lock(mutex_);
  return reason_;
}

}  // namespace runtime
