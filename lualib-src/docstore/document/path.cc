#include "docstore/document/path.h"

#include <algorithm>
#include <charconv>

namespace runtime::document {

std::optional<std::uint32_t> array_index(std::string_view name) {
  std::uint32_t index = 0;
  if (name.empty() || name[0] < '0' || name[0] > '9' || (name[0] == '0' && name.size() > 1))
    return {};
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (fault != std::errc() || end != name.data() + name.size() || index > 0x7fffffff) return {};
  return index;
}

Path::Path(std::string_view text) : text_(text) {
  for (std::size_t at = 0;;) {
    const std::size_t dot = text.find('.', at);
    names_.emplace_back(text.substr(at, dot == std::string_view::npos ? dot : dot - at));
    has_number_ = has_number_ || array_index(names_.back()).has_value();
    if (dot == std::string_view::npos) break;
    at = dot + 1;
  }
}

bool Path::is_prefix_of(const Path& other) const {
  return size() <= other.size() && std::equal(names_.begin(), names_.end(), other.names_.begin());
}

Value plain_value(std::string_view document, const Path& path) {
  Value value = document_value(document);
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (!value.is_document()) return {};
    value = field(value.bytes, path[i]);
  }
  return value;
}

}  // namespace runtime::document
