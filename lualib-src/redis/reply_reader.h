// Replies of a Redis server, RESP2 and RESP3, out of bytes that come in any pieces.
//
// A reply is first seen to be whole, without keeping anything but its bytes and one counter for each
// level; only then it is taken apart, item by item. So nothing is allocated for a size that a server
// only announces.
//
// Memory: replies are read where they came in. Only a reply that comes in several blocks is put
// together, in a string that is kept for the next such reply.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace runtime::redis {

inline constexpr std::int64_t kMaxBulk = std::int64_t{1} << 30;   // bytes of one string
inline constexpr std::int64_t kMaxCount = std::int64_t{1} << 31;  // elements of one list
inline constexpr std::size_t kMaxLine = std::size_t{16} << 20;    // bytes of a +text or -text
inline constexpr std::size_t kMaxDepth = 32;                      // lists within lists

enum class Status { incomplete, ready, error };

// One value, or the head of a list, whose elements follow.
struct Item {
  char type = 0;           // the byte that introduces it
  std::int64_t count = 0;  // of a list: how many items follow (two for each entry of a map)
  bool is_null = false;    // $-1, *-1, _
  std::string_view text;   // of all others: what stands on the line, or in the bulk
};

[[nodiscard]] bool is_list(char type);

// Reads the item that `bytes` begin with; `used` is its size. No line end is looked for in the first
// `searched` bytes; when the item is incomplete, that is raised to what has been looked through.
Status read_item(std::string_view bytes, std::size_t& searched, Item& item, std::size_t& used);

// A decimal number with an optional sign and nothing else.
bool read_integer(std::string_view text, std::int64_t& value);

class ReplyReader {
 public:
  ReplyReader() = default;
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  // Adds a copy of the bytes.
  void feed(std::string_view bytes) noexcept;

  // Adds `size` bytes at `block`, from malloc, and owns them.
  void take(char* block, std::size_t size) noexcept;

  // Whether a whole reply is there. An error is final: the peer speaks something else.
  Status next();

  // The bytes of that reply; valid until feed() or pop().
  [[nodiscard]] std::string_view reply() const { return unread().substr(0, scanned_); }
  // Its item, when it is a single one and no list, without another look at the bytes; else null. As valid as reply().
  [[nodiscard]] const Item* only_item() const { return is_single_ ? &single_ : nullptr; }
  void pop();

  // Bytes that no pop() has taken.
  [[nodiscard]] std::size_t held() const { return held_.size() - begin_; }

 private:
  struct Level {
    std::int64_t left;
    bool is_attribute;  // stands beside a value, is none itself
  };

  struct Free {
    void operator()(char* block) const { std::free(block); }
  };

  [[nodiscard]] std::string_view unread() const { return held_.substr(begin_); }
  void join(std::string_view more);
  bool enter(const Item& item);
  bool finish_value();

  std::string joined_;
  std::unique_ptr<char, Free> block_;
  std::string_view held_;     // what came: all of block_, or of joined_
  std::size_t begin_ = 0;     // of the reply that is looked at
  std::size_t scanned_ = 0;   // of that reply
  std::size_t searched_ = 0;  // behind scanned_, without a line end
  std::array<Level, kMaxDepth> levels_;
  std::size_t depth_ = 0;
  Item single_;
  bool is_single_ = false;
  bool ready_ = false;
  bool failed_ = false;
};

}  // namespace runtime::redis
