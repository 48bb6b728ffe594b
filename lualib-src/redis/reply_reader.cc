#include "redis/reply_reader.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace runtime::redis {

namespace {

constexpr std::size_t kMaxHead = 32;              // bytes of a line that only holds a number
constexpr std::size_t kSpareBytes = 1024 * 1024;  // kept for the next reply

enum class Kind : std::uint8_t { unknown, line, text, bulk, list };

constexpr std::array<Kind, 256> make_kinds() {
  std::array<Kind, 256> kinds{};
  for (const char type : {':', '_', '#', ','}) kinds[static_cast<unsigned char>(type)] = Kind::line;
  for (const char type : {'+', '-', '('}) kinds[static_cast<unsigned char>(type)] = Kind::text;
  for (const char type : {'$', '!', '='}) kinds[static_cast<unsigned char>(type)] = Kind::bulk;
  for (const char type : {'*', '%', '~', '>', '|'}) {
    kinds[static_cast<unsigned char>(type)] = Kind::list;
  }
  return kinds;
}

Kind kind_of(char type) {
  static constexpr std::array<Kind, 256> kKinds = make_kinds();
  return kKinds[static_cast<unsigned char>(type)];
}

bool is_null_size(char type, std::int64_t size) {
  return size == -1 && (type == '$' || type == '*');
}

bool is_double(std::string_view text) {
  if (text == "inf" || text == "-inf" || text == "nan" || text == "-nan") return true;
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const std::size_t digits = text.find_first_not_of("-0123456789.eE+");
  double number;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, number);
  return digits == std::string_view::npos && stop == end && code != std::errc::invalid_argument;
}

// A whole number of any size.
bool is_big_number(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// What must stand on the line of a value that is neither a bulk nor a list.
bool fits(char type, std::string_view text) {
  std::int64_t number;
  switch (type) {
    case ':': return read_integer(text, number);
    case ',': return is_double(text);
    case '(': return is_big_number(text);
    case '_': return text.empty();
    case '#': return text == "t" || text == "f";
    default: return true;
  }
}

}  // namespace

bool is_list(char type) { return kind_of(type) == Kind::list; }

bool read_integer(std::string_view text, std::int64_t& value) {
  if (!text.empty() && text.front() == '+') {
    text.remove_prefix(1);
    if (!text.empty() && text.front() == '-') return false;
  }
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  return code == std::errc() && stop == end;
}

namespace {

// The size on the line that `bytes` begin with; `used` is the line's. Nearly all lines are whole and
// hold a few digits and nothing else; -1 is for all others.
std::int64_t read_plain_size(std::string_view bytes, std::size_t& used) {
  const std::size_t limit = std::min<std::size_t>(bytes.size(), 10);
  std::int64_t size = 0;
  std::size_t end = 1;
  for (; end < limit && bytes[end] >= '0' && bytes[end] <= '9'; end++) {
    size = size * 10 + (bytes[end] - '0');
  }
  if (end == 1 || end + 2 > bytes.size() || bytes[end] != '\r' || bytes[end + 1] != '\n') return -1;
  used = end + 2;
  return size;
}

// The item's line, without its type and its end.
Status read_line(std::string_view bytes, Kind kind, std::size_t& searched, std::string_view& line) {
  const std::size_t end = bytes.find("\r\n", searched);
  const std::size_t limit = kind == Kind::text ? kMaxLine : kMaxHead;
  if (end == std::string_view::npos || end > limit) {
    if (bytes.size() > limit + 1)
      return Status::error;       // half of a line end may stand behind the limit
    searched = bytes.size() - 1;  // the last byte may be half a line end
    return Status::incomplete;
  }
  line = bytes.substr(1, end - 1);
  return Status::ready;
}

}  // namespace

Status read_item(std::string_view bytes, std::size_t& searched, Item& item, std::size_t& used) {
  if (bytes.empty()) return Status::incomplete;
  const char type = bytes.front();
  const Kind kind = kind_of(type);
  if (kind == Kind::unknown) return Status::error;
  item = Item{type, 0, type == '_', {}};
  std::int64_t size = -1;
  if (kind == Kind::bulk || kind == Kind::list) size = read_plain_size(bytes, used);
  if (size < 0) {
    const Status status = read_line(bytes, kind, searched, item.text);
    if (status != Status::ready) return status;
    used = item.text.size() + 3;
    if (kind == Kind::line || kind == Kind::text)
      return fits(type, item.text) ? Status::ready : Status::error;
    if (!read_integer(item.text, size)) return Status::error;
    item.is_null = is_null_size(type, size);
    if (item.is_null) return Status::ready;
    if (size < 0) return Status::error;
  }
  if (kind == Kind::list) {
    if (size > kMaxCount) return Status::error;
    item.count = type == '%' || type == '|' ? size * 2 : size;
    return Status::ready;
  }
  if (size > kMaxBulk) return Status::error;
  const auto length = static_cast<std::size_t>(size);
  if (bytes.size() < used + length + 2) return Status::incomplete;
  item.text = bytes.substr(used, length);
  used += length;
  if (bytes[used] != '\r' || bytes[used + 1] != '\n') return Status::error;
  used += 2;
  return Status::ready;
}

// Puts what is held and `more` together.
void ReplyReader::join(std::string_view more) {
  is_single_ = false;  // its bytes move
  if (block_ != nullptr) {
    joined_.assign(unread());
    block_.reset();
  } else {
    joined_.erase(0, begin_);
  }
  begin_ = 0;
  joined_.append(more);
  held_ = joined_;
}

void ReplyReader::feed(std::string_view bytes) noexcept { join(bytes); }

void ReplyReader::take(char* block, std::size_t size) noexcept {
  std::unique_ptr<char, Free> owned(block);
  if (held() > 0) {
    join({block, size});
    return;
  }
  joined_.clear();
  block_ = std::move(owned);
  held_ = {block, size};
  begin_ = 0;
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
    if (scanned_ == 0 && !is_list(item.type)) [[unlikely]] {
      single_ = item;
      is_single_ = true;
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
  is_single_ = false;
  if (begin_ < held_.size()) return;
  held_ = {};
  begin_ = 0;
  block_.reset();
  joined_.clear();
  if (joined_.capacity() > kSpareBytes) joined_.shrink_to_fit();
}

}  // namespace runtime::redis
