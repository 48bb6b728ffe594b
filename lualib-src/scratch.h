// Bytes that a function called by Lua gathers before they become a Lua string.
//
// The first ones lie in the C frame. When they do not fit, they move to a userdata that stands in a
// stack slot, so a raise leaks nothing; that is why the class has no destructor. (luaL_Buffer does
// the same on Lua 5.4 only, and does not say where the top of the stack is.)
#pragma once

#include <cstring>
#include <string_view>
#include <type_traits>

#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

class Scratch {
 public:
  // Pushes one value, the slot, and leaves it there.
  explicit Scratch(lua_State* L) : L_(L) {
    lua_pushnil(L);
    slot_ = lua_gettop(L);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // Room for `size` more bytes, which the caller fills and then counts with add(). May raise
  // (memory). The address is valid until the next call.
  char* prepare(std::size_t size) {
    if (size > capacity_ - size_) grow(size);
    return bytes() + size_;
  }
  void add(std::size_t size) { size_ += size; }
  // The same without an address. False: there was room, and nothing happened that may raise.
  bool make_room(std::size_t size) {
    if (size <= capacity_ - size_) return false;
    grow(size);
    return true;
  }

  void append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(prepare(text.size()), text.data(), text.size());
    add(text.size());
  }

  char* data() { return bytes(); }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }
  // Drops what is beyond the first `size` bytes.
  void shorten(std::size_t size) { size_ = size; }

  // Pushes what was gathered as a string.
  void push() { lua_pushlstring(L_, bytes(), size_); }

 private:
  char* bytes() { return heap_ != nullptr ? heap_ : inline_; }

  void grow(std::size_t more) {
    if (more > SIZE_MAX / 4 - size_) luaL_error(L_, "the result is too large");
    std::size_t wanted = capacity_ * 2;
    if (wanted < size_ + more) wanted = size_ + more;
    char* larger = static_cast<char*>(lua_newuserdatauv(L_, wanted, 0));
    std::memcpy(larger, bytes(), size_);
    lua_replace(L_, slot_);  // the collector may now take the smaller one
    heap_ = larger;
    capacity_ = wanted;
  }

  lua_State* L_;
  int slot_;
  char* heap_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = sizeof(inline_);
  char inline_[1024];
};

static_assert(std::is_trivially_destructible_v<Scratch>);

}  // namespace runtime::RUNTIME_ENGINE
