#include "redis/reply_reader.h"

#include <charconv>
#include <system_error>

namespace runtime::redis {

namespace {

constexpr std::size_t kMaxHead = 32;              // bytes of a line that only holds a number
constexpr std::size_t kSpareBytes = 1024 * 1024;  // kept for the next reply

bool is_bulk(char type) { return type == '$' || type == '!' || type == '='; }
bool is_known(char type) {
  return is_list(type) || is_bulk(type) ||
         std::string_view("+-:_#,(").find(type) != std::string_view::npos;
}
bool holds_text(char type) { return type == '+' || type == '-' || type == '('; }

bool is_null_size(char type, std::int64_t size) {
  return size == -1 && (type == '$' || type == '*');
}

// What must stand on the line of a value that is neither a bulk nor a list.
bool fits(char type, std::string_view text) {
  std::int64_t number;
  switch (type) {
    case ':': return read_integer(text, number);
    case '_': return text.empty();
    case '#': return text == "t" || text == "f";
    default: return true;
  }
}

}  // namespace

bool is_list(char type) {
  return type != 0 && std::string_view("*%~>|").find(type) != std::string_view::npos;
}

bool read_integer(std::string_view text, std::int64_t& value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && stop == end;
}

Status read_item(std::string_view bytes, std::size_t& searched, Item& item, std::size_t& used) {
  if (bytes.empty()) return Status::incomplete;
  const char type = bytes.front();
  if (!is_known(type)) return Status::error;
  const std::size_t end = bytes.find("\r\n", searched);
  const std::size_t limit = holds_text(type) ? kMaxLine : kMaxHead;
  if (end == std::string_view::npos || end > limit) {
    if (bytes.size() > limit + 1)
      return Status::error;       // half of a line end may stand behind the limit
    searched = bytes.size() - 1;  // the last byte may be half a line end
    return Status::incomplete;
  }
  item = Item{type, 0, type == '_', bytes.substr(1, end - 1)};
  used = end + 2;
  if (!is_bulk(type) && !is_list(type))
    return fits(type, item.text) ? Status::ready : Status::error;
  std::int64_t size;
  if (!read_integer(item.text, size)) return Status::error;
  item.is_null = is_null_size(type, size);
  if (item.is_null) return Status::ready;
  if (size < 0) return Status::error;
  if (is_list(type)) {
    if (size > kMaxCount) return Status::error;
    item.count = type == '%' || type == '|' ? size * 2 : size;
    return Status::ready;
  }
  if (size > kMaxBulk) return Status::error;
  const auto length = static_cast<std::size_t>(size);
  if (bytes.size() < used + length + 2) return Status::incomplete;
  item.text = bytes.substr(used, length);
  used += length;
  if (bytes.substr(used, 2) != "\r\n") return Status::error;
  used += 2;
  return Status::ready;
}

void ReplyReader::feed(std::string_view bytes) noexcept {
  if (begin_ > 0) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  bytes_.append(bytes);
}

// False: too deep.
bool ReplyReader::enter(const Item& item) {
  if (depth_ == kMaxDepth) return false;
  levels_[depth_++] = {item.count, item.type == '|'};
  return true;
}

// A value is whole, and so may be the lists that it stands in. True: the reply is.
bool ReplyReader::finish_value() {
  while (depth_ > 0) {
    Level& level = levels_[depth_ - 1];
    if (--level.left > 0) return false;
    --depth_;
    if (level.is_attribute) return false;
  }
  return true;
}

Status ReplyReader::next() {
  if (failed_) return Status::error;
  while (!ready_) {
    Item item;
    std::size_t used = 0;
    const Status status = read_item(unread().substr(scanned_), searched_, item, used);
    if (status == Status::incomplete) return status;
    if (status == Status::error || (item.count > 0 && !enter(item))) {
      failed_ = true;
      return Status::error;
    }
    scanned_ += used;
    searched_ = 0;
    if (item.count == 0 && item.type != '|') ready_ = finish_value();
  }
  return Status::ready;
}

void ReplyReader::pop() {
  begin_ += scanned_;
  scanned_ = 0;
  ready_ = false;
  if (begin_ < bytes_.size()) return;
  bytes_.clear();
  begin_ = 0;
  if (bytes_.capacity() > kSpareBytes) bytes_.shrink_to_fit();
}

}  // namespace runtime::redis
