#include <bit>
#include <cmath>
#include <cstdlib>

#include "base/memory_ledger.h"
#include "base/short_bytes.h"
#include "lua/raw_stack.h"
#include "lua/seri.h"
#include "lua/seri_format.h"
#include "lua/shared_api.h"
#include "lua/stack_checks.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr int kMaxDepth = 32;  // tables around a value

// A message of at most this size is copied out of the thread's buffer; a larger one takes it along.
constexpr std::size_t kKeepBytes = 64 * 1024;
constexpr std::size_t kFirstBytes = 4 * 1024;
#ifdef RUNTIME_LUAJIT
constexpr bool kCopiesFirst = false;  // lua_pushlstring: may collect garbage, then copies
#else
constexpr bool kCopiesFirst = true;  // it copies, then may collect garbage
#endif
constexpr std::size_t kHeadRoom = 16;      // more than any value but a string needs
constexpr std::ptrdiff_t kSmallRoom = 32;  // what any value but a long string needs
static_assert(kSmallRoom >= 1 + kMaxCookie);

// The thread's buffer. Packing runs no Lua code while it uses it, so it is never needed twice.
struct Scratch {
  char* data;
  std::size_t capacity;
};
constinit thread_local Scratch scratch{};  // no destructor: that would cost each access a check

void drop_scratch() {
  std::free(scratch.data);
  scratch = {};
}

struct ScratchOwner {
  bool used = false;
  ~ScratchOwner() { drop_scratch(); }
};
thread_local ScratchOwner scratch_owner;

// Where bytes go: into the thread's buffer, or, when Lua code runs in between (`__pairs`) and may
// pack or raise, into a userdata at the stack index `owner`.
struct Writer {
  lua_State* L;
  char* begin;
  char* at;
  char* end;
  int owner;  // 0: the thread's buffer
};

[[noreturn]] void raise(Writer& w, const char* format, const char* what = "") {
  if (scratch.capacity > kKeepBytes) drop_scratch();
  luaL_error(w.L, format, what);
  std::abort();  // luaL_error does not return, which its declaration hides
}

[[gnu::noinline]] void grow(Writer& w, std::size_t bytes) {
  const std::size_t used = static_cast<std::size_t>(w.at - w.begin);
  std::size_t capacity = 2 * static_cast<std::size_t>(w.end - w.begin);
  if (capacity < kFirstBytes) capacity = kFirstBytes;
  if (capacity < used + bytes) capacity = used + bytes;
  char* block;
  if (w.owner == 0) {
    scratch_owner.used = true;  // its destructor runs at the end of the threads that do this
    block = static_cast<char*>(std::realloc(scratch.data, capacity));
    if (block == nullptr) raise(w, "not enough memory");
    scratch = {block, capacity};
  } else {
    block = static_cast<char*>(lua_newuserdatauv(w.L, capacity, 0));
    if (used != 0) std::memcpy(block, w.begin, used);
    lua_replace(w.L, w.owner);
  }
  w.begin = block;
  w.at = block + used;
  w.end = block + capacity;
}

inline void reserve(Writer& w, std::size_t bytes) {
  if (static_cast<std::size_t>(w.end - w.at) < bytes) [[unlikely]]
    grow(w, bytes);
}

// These write at `at`, where there is room, and move it on. It may be w.at or, which the compiler keeps in a register,
// a copy.
[[gnu::always_inline]] inline void put(char*& at, Byte byte) { *at++ = static_cast<char>(byte); }

template <class Number>
[[gnu::always_inline]] inline void put(char*& at, Byte head_byte, Number number) {
  put(at, head_byte);
  std::memcpy(at, &number, sizeof number);
  at += sizeof number;
}

// The form that an integer travels in: the shortest one, with so many bytes behind its head.
struct IntegerForm {
  NumberForm form;
  unsigned bytes;
};
[[gnu::always_inline]] inline IntegerForm form_of(std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  if (bits == 0) return {kZero, 0};
  if (bits <= 0xff) return {kU8, 1};
  if (bits <= 0xffff) return {kU16, 2};
  if (value == static_cast<std::int32_t>(value)) return {kI32, 4};
  return {kI64, 8};
}

// Whether a number of the engine that is no integer travels as one, and as which.
[[gnu::always_inline]] inline bool travels_whole([[maybe_unused]] double number,
                                                 [[maybe_unused]] std::int64_t* whole) {
#ifdef RUNTIME_LUAJIT
  // Numbers are doubles: those that are whole, exact (up to 2^53) and not -0 travel as integers. Beyond
  // that a number was calculated with, and what is to be exact is cdata (engine.h).
  if (number >= -0x1p53 && number <= 0x1p53) {
    *whole = static_cast<std::int64_t>(number);
    return static_cast<double>(*whole) == number && (*whole != 0 || !std::signbit(number));
  }
#endif
  return false;
}

// These give the place behind what they write.
[[gnu::always_inline]] inline char* put_integer(char* at, std::int64_t value) {
  const IntegerForm form = form_of(value);
  // There is room for all of its bytes, and the next value is written over those that it does not need.
  put(at, head(kNumber, form.form), value);
  return at - sizeof value + form.bytes;
}

[[gnu::always_inline]] inline char* put_real(char* at, double number) {
  std::int64_t whole;
  if (travels_whole(number, &whole)) return put_integer(at, whole);
  put(at, head(kNumber, kDouble), number);
  return at;
}

#ifdef RUNTIME_LUAJIT
inline void put_number(Writer& w, lua_State* L, int index) {
  w.at = put_real(w.at, lua_tonumber(L, index));
}
inline bool is_integer(lua_State* L, int index, std::size_t value) {
  return lua_type(L, index) == LUA_TNUMBER && lua_tonumber(L, index) == static_cast<double>(value);
}
inline bool is_integer_up_to(lua_State* L, int index, std::size_t last) {
  if (lua_type(L, index) != LUA_TNUMBER) return false;
  const double number = lua_tonumber(L, index);
  return number >= 1 && number <= static_cast<double>(last) && number == std::floor(number);
}
#else
inline void put_number(Writer& w, lua_State* L, int index) {
  if (lua_isinteger(L, index)) {
    w.at = put_integer(w.at, lua_tointeger(L, index));
  } else {
    w.at = put_real(w.at, lua_tonumber(L, index));
  }
}
inline bool is_integer(lua_State* L, int index, std::size_t value) {
  return lua_isinteger(L, index) && static_cast<std::size_t>(lua_tointeger(L, index)) == value;
}
inline bool is_integer_up_to(lua_State* L, int index, std::size_t last) {
  return lua_isinteger(L, index) && static_cast<std::size_t>(lua_tointeger(L, index)) - 1 < last;
}
#endif

// Room for `bytes` at `at`, which is ahead of w.at; gives where that is now.
inline char* reserve_at(Writer& w, char* at, std::size_t bytes) {
  if (static_cast<std::size_t>(w.end - at) < bytes) [[unlikely]] {
    w.at = at;
    grow(w, bytes);
    return w.at;
  }
  return at;
}

// Where there is room for kMaxCookie + 1 bytes.
[[gnu::always_inline]] inline char* put_short_text(char* at, std::string_view text) {
  put(at, head(kShortString, static_cast<unsigned>(text.size())));
  copy_short(at, text.data(), text.size());
  return at + text.size();
}

// Gives the place behind it, where there is room for a value that is no string.
inline char* put_text(Writer& w, char* at, std::string_view text) {
  const std::size_t length = text.size();
  at = reserve_at(w, at, length + 2 * kHeadRoom);
  if (length <= kMaxCookie) return put_short_text(at, text);
  if (length <= 0xffff) {
    put(at, head(kLongString, 2), static_cast<std::uint16_t>(length));
  } else {
    if (length > 0xffffffff) raise(w, "serialize can't pack a string of 4 GB or more");
    put(at, head(kLongString, 4), static_cast<std::uint32_t>(length));
  }
  copy_short(at, text.data(), length);
  return at + length;
}

inline void put_string(Writer& w, lua_State* L, int index) {
  std::size_t length;
  const char* text = lua_tolstring(L, index, &length);
  w.at = put_text(w, w.at, {text, length});
}

// ---- tables that are read in place (raw_table.h) -------------------------------------------------
// The functions give where they have written up to; null when they meet what needs the interface.

char* put_plain_table(Writer& w, char* at, const RawTable& table, int depth);

// What is neither a table nor a long string. There is room for it.
[[gnu::always_inline]] inline char* put_small(char* at, const RawValue& value) {
  switch (value.kind()) {
    case RawKind::string: {
      const std::string_view text = value.text();
      return text.size() <= kMaxCookie ? put_short_text(at, text) : nullptr;
    }
    case RawKind::integer: return put_integer(at, value.integer());
    case RawKind::real: return put_real(at, value.real());
    case RawKind::boolean: put(at, head(kBoolean, value.boolean() ? 1 : 0)); return at;
    case RawKind::nil: put(at, head(kNil, 0)); return at;
    default: return nullptr;
  }
}

[[gnu::always_inline]] inline char* put_plain(Writer& w, char* at, const RawValue& value,
                                              int depth) {
  at = reserve_at(w, at, kHeadRoom);
  switch (value.kind()) {
    case RawKind::string: return put_text(w, at, value.text());
    case RawKind::table: return put_plain_table(w, at, value.table(), depth);
    default: return put_small(at, value);
  }
}

char* put_plain_table(Writer& w, char* at, const RawTable& table, int depth) {
  std::size_t length;
  if (++depth > kMaxDepth || table.has_metatable() || !raw_length(table, &length)) return nullptr;
  if (length < kMaxCookie) {
    put(at, head(kTable, static_cast<unsigned>(length)));
  } else {
    put(at, head(kTable, kMaxCookie));
    at = put_integer(at, static_cast<std::int64_t>(length));
  }
  const RawValue* const array = table.array();
  for (std::size_t i = 0; i < length; ++i) {
    at = put_plain(w, at, array[i], depth);
    if (at == nullptr) return nullptr;
  }
  if (has_zero(table)) {
    at = reserve_at(w, at, kHeadRoom);
    at = put_integer(at, 0);
    at = put_plain(w, at, *table.zero(), depth);
    if (at == nullptr) return nullptr;
  }
  const RawEntry* entry = table.entries();
  for (const RawEntry* const end = entry + table.entry_count(); entry != end; ++entry) {
    if (entry->is_empty()) continue;
    const RawValue key = entry->key();
    if (is_index(key, length + 1)) return nullptr;  // the table may be longer than its array
    at = put_plain(w, at, key, depth);
    if (at == nullptr) return nullptr;
    at = put_plain(w, at, entry->value(), depth);
    if (at == nullptr) return nullptr;
  }
  at = reserve_at(w, at, kHeadRoom);
  put(at, head(kNil, 0));
  return at;
}

// ---- all values, with the interface --------------------------------------------------------------

// They give false when they meet a `__pairs` and the writer is the thread's buffer.
bool put_table(Writer& w, lua_State* L, int index, int depth);

// A value that is neither a string nor a number.
[[gnu::noinline]] bool put_other(Writer& w, lua_State* L, int index, int depth, int type) {
  switch (type) {
    case LUA_TNIL: put(w.at, head(kNil, 0)); return true;
    case LUA_TBOOLEAN: put(w.at, head(kBoolean, lua_toboolean(L, index) ? 1 : 0)); return true;
    case LUA_TLIGHTUSERDATA: put(w.at, head(kPointer, 0), lua_touserdata(L, index)); return true;
    case LUA_TTABLE: return put_table(w, L, index, depth);
  }
#ifdef RUNTIME_LUAJIT
  std::int64_t value;
  if (type == LUA_TCDATA) {
    if (w.owner == 0) return false;  // to_int64() runs Lua code
    if (to_int64(L, index, &value)) {
      w.at = put_integer(w.at, value);
      return true;
    }
  }
#endif
  raise(w, "Unsupport type %s to serialize", lua_typename(L, type));
}

// `depth`: how many tables the value is in.
[[gnu::always_inline]] inline bool put_value(Writer& w, lua_State* L, int index, int depth) {
  reserve(w, kHeadRoom);
  const int type = lua_type(L, index);
  if (type == LUA_TSTRING) {
    put_string(w, L, index);
    return true;
  }
  if (type == LUA_TNUMBER) {
    put_number(w, L, index);
    return true;
  }
  return put_other(w, L, index, depth, type);
}

void check_depth(Writer& w, int depth) {
  if (depth > kMaxDepth) raise(w, "serialize can't pack too depth table");
}

// The pairs that `__pairs`, at the top of the stack, gives for the table at `index`. Pops it.
bool put_custom_pairs(Writer& w, lua_State* L, int index, int depth) {
  if (w.owner == 0) return false;
  check_stack(L);
  const int iterator = lua_gettop(L);
  lua_pushvalue(L, index);
  lua_call(L, 1, 3);
  const int key = iterator + 2;
  put(w.at, head(kTable, 0));
  for (;;) {
    lua_pushvalue(L, iterator);
    lua_pushvalue(L, iterator + 1);
    lua_pushvalue(L, key);
    lua_call(L, 2, 2);  // the next key and value, above the last key
    if (lua_isnil(L, -2)) break;
    check_depth(w, depth);
    put_value(w, L, key + 1, depth);
    put_value(w, L, key + 2, depth);
    lua_pop(L, 1);
    lua_replace(L, key);
  }
  lua_settop(L, iterator - 1);
  reserve(w, kHeadRoom);
  put(w.at, head(kNil, 0));
  return true;
}

// `next`: the engine's own, or the one that sees through shared tables (lua/shared_api.h).
template <int (*next)(lua_State*, int)>
bool put_raw_table(Writer& w, lua_State* L, int index, int depth) {
  const std::size_t length = lua_rawlen(L, index);
  if (length < kMaxCookie) {
    put(w.at, head(kTable, static_cast<unsigned>(length)));
  } else {
    put(w.at, head(kTable, kMaxCookie));
    w.at = put_integer(w.at, static_cast<std::int64_t>(length));
  }
  lua_pushnil(L);
  const int key = lua_gettop(L);
  const int value = key + 1;
  // One traversal serves both parts: keys 1 to `length` nearly always come first and in order. When
  // they do not, the rest of the array part is read by index, and its keys are left out afterwards.
  std::size_t done = 0;
  bool in_order = true;
  while (next(L, index)) {
    check_depth(w, depth);
    if (done < length) {
      if (is_integer(L, key, done + 1)) {
        if (!put_value(w, L, value, depth)) return false;
        ++done;
        lua_settop(L, key);
        continue;
      }
      in_order = false;
      while (done < length) {
        lua_rawgeti(L, index, static_cast<int>(++done));
        if (!put_value(w, L, value + 1, depth)) return false;
        lua_settop(L, value);
      }
    }
    if (in_order || !is_integer_up_to(L, key, length)) {
      if (!put_value(w, L, key, depth)) return false;
      if (!put_value(w, L, value, depth)) return false;
    }
    lua_settop(L, key);
  }
  reserve(w, kHeadRoom);
  put(w.at, head(kNil, 0));
  return true;
}

bool put_table(Writer& w, lua_State* L, int index, int depth) {
  if (!lua_checkstack(L, 8)) raise(w, "stack overflow: serialize needs more room");
  ++depth;
  if (!stock_lua_getmetatable(L, index)) [[likely]]
    return put_raw_table<stock_lua_next>(w, L, index, depth);
  lua_pop(L, 1);
  if (lua_getmetatable(L, index)) {  // not that of a shared table
    lua_pushliteral(L, "__pairs");
    lua_rawget(L, -2);
    if (!lua_isnil(L, -1)) {
      lua_remove(L, -2);
      return put_custom_pairs(w, L, index, depth);
    }
    lua_pop(L, 2);
  }
  return put_raw_table<lua_next>(w, L, index, depth);
}

// The values from *index on, in place, into the thread's buffer. False: that at *index, moved on, needs the interface.
bool put_in_place(Writer& w, lua_State* L, int* index) {
  const RawValues values(L);
  if (values.first == nullptr) return false;
  for (const RawValue* value = values.first + (*index - 1); value < values.end; ++value) {
    const std::ptrdiff_t written = w.at - w.begin;
    w.at = put_plain(w, w.at, *value, 0);
    if (w.at == nullptr) [[unlikely]] {
      w.at = w.begin + written;
      *index = static_cast<int>(value - values.first) + 1;
      return false;
    }
  }
  return true;
}

// The values of the running function from the index `from` to `to`.
[[gnu::noinline]] bool put_values(Writer& w, lua_State* L, int from, int to) {
  for (int index = from;; ++index) {
    // A larger userdata may make a finalizer run, which changes what is read in place.
    if (w.owner == 0 && put_in_place(w, L, &index)) return true;
    if (index > to) return true;
    if (!put_value(w, L, index, 0)) return false;
  }
}

// Packs into a userdata that is left at the top of the stack. `capacity` is a first guess.
Writer pack_to_userdata(lua_State* L, int from, std::size_t capacity) {
  const int top = lua_gettop(L);
  luaL_checkstack(L, 4, nullptr);
  auto* block = static_cast<char*>(lua_newuserdatauv(L, capacity, 0));
  Writer w{L, block, block, block + capacity, top + 1};
  put_values(w, L, from, top);
  return w;
}

[[gnu::always_inline]] inline Packed copy(lua_State* L, const char* begin, const char* end) {
  const auto size = static_cast<std::size_t>(end - begin);
  if (size == 0) return {nullptr, 0};
  void* data = allocate_given(size);
  if (data == nullptr) luaL_error(L, "not enough memory");
  copy_short(static_cast<char*>(data), begin, size);
  return {data, size};
}

// A message of up to 16 bytes, as most are, put together in registers. In memory it would be written by bytes and read by
// words a moment later, for which the processor has to wait until the bytes have left its store buffer.
class FewBytes {
 public:
  // What add() does not take makes no message of these.
  [[gnu::always_inline]] bool add(const RawValue& value) {
    switch (value.kind()) {
      case RawKind::string: return add(value.text());
      case RawKind::integer: return add(value.integer());
      case RawKind::real: {
        std::int64_t whole;
        if (travels_whole(value.real(), &whole)) return add(whole);
        return add(head(kNumber, kDouble), 1) && add(std::bit_cast<std::uint64_t>(value.real()), 8);
      }
      case RawKind::boolean: return add(head(kBoolean, value.boolean() ? 1 : 0), 1);
      case RawKind::nil: return add(head(kNil, 0), 1);
      default: return false;
    }
  }

  [[gnu::always_inline]] Packed allocate(lua_State* L) const {
    if (size_ == 0) return {nullptr, 0};
    void* const data = allocate_given(size_ <= 8 ? 8 : 16);
    if (data == nullptr) [[unlikely]]
      luaL_error(L, "not enough memory");
    std::memcpy(data, &first_, 8);
    if (size_ > 8) std::memcpy(static_cast<char*>(data) + 8, &second_, 8);
    return {data, size_};
  }

 private:
  // The lowest `count` bytes, at least one, of a word that is 0 above.
  [[gnu::always_inline]] bool add(std::uint64_t word, unsigned count) {
    const unsigned bits = 8 * size_;
    size_ += count;
    if (size_ > 16) return false;
    if (bits < 64) {
      first_ |= word << bits;
      second_ |= word >> 1 >> (63 - bits);
    } else {
      second_ |= word << (bits - 64);
    }
    return true;
  }
  [[gnu::always_inline]] bool add(std::int64_t value) {
    const IntegerForm form = form_of(value);
    const auto bits = static_cast<std::uint64_t>(value);
    if (form.form == kI64) [[unlikely]]
      return add(head(kNumber, kI64), 1) && add(bits, 8);
    return add(head(kNumber, form.form) | (bits & 0xffffffff) << 8, 1 + form.bytes);
  }
  [[gnu::always_inline]] bool add(std::string_view text) {
    const std::size_t length = text.size();
    if (length > 15) return false;
    const Byte first = head(kShortString, static_cast<unsigned>(length));
    if (length < 8)
      return add(first | load_few(text.data(), length) << 8, 1 + static_cast<unsigned>(length));
    return add(first, 1) && add(load_word<std::uint64_t>(text.data()), 8) &&
           (length == 8 ||
            add(load_few(text.data() + 8, length - 8), static_cast<unsigned>(length) - 8));
  }

  std::uint64_t first_ = 0, second_ = 0;
  unsigned size_ = 0;
};

Writer scratch_writer(lua_State* L) {
  return {L, scratch.data, scratch.data, scratch.data + scratch.capacity, 0};
}

// pack() where the values before `index` are in the thread's buffer, up to `at`.
[[gnu::noinline]] Packed pack_rest(lua_State* L, int from, int index, char* at) {
  Writer w = scratch_writer(L);
  w.at = at;
  const int top = lua_gettop(L);
  if (!put_values(w, L, index, top)) {
    lua_settop(L, top);
    w = pack_to_userdata(L, from, kFirstBytes);
    const Packed packed = copy(L, w.begin, w.at);
    lua_settop(L, top);
    return packed;
  }
  const auto size = static_cast<std::size_t>(w.at - w.begin);
  if (size <= kKeepBytes) return copy(L, w.begin, w.at);
  scratch = {};
  void* data = std::realloc(w.begin, size);
  if (data == nullptr) data = w.begin;
  give_bytes(block_bytes(data));
  return {data, size};
}

// pack() of what is more than a few bytes.
[[gnu::noinline]] Packed pack_more(lua_State* L, RawValues values, int from) {
  char* at = scratch.data;
  if (values.first == nullptr) [[unlikely]]
    return pack_rest(L, from, from, at);
  const char* const end = at + scratch.capacity;
  for (const RawValue* value = values.first + (from - 1); value < values.end; ++value) {
    char* const after = end - at >= kSmallRoom ? put_small(at, *value) : nullptr;
    if (after == nullptr) return pack_rest(L, from, static_cast<int>(value - values.first) + 1, at);
    at = after;
  }
  return copy(L, scratch.data, at);
}

}  // namespace

Packed pack(lua_State* L, int from) { return pack(L, RawValues(L), from); }

Packed pack(lua_State* L, RawValues values, int from) {
  if (values.first != nullptr) [[likely]] {
    FewBytes few;
    const RawValue* next = values.first + (from - 1);
    while (next < values.end && few.add(*next)) ++next;
    if (next >= values.end) [[likely]]
      return few.allocate(L);
  }
  return pack_more(L, values, from);
}

void push_packed(lua_State* L, int from) {
  const int top = lua_gettop(L);
  Writer w = scratch_writer(L);
  const bool complete = put_values(w, L, from, top);
  const auto size = static_cast<std::size_t>(w.at - w.begin);
  // Making a string may run finalizers, and those may pack: on LuaJIT before the bytes are copied.
  char small[1024];
  if (complete && (kCopiesFirst || size <= sizeof small)) {
    const char* bytes = w.begin;
    if (!kCopiesFirst)
      bytes = size == 0 ? "" : static_cast<const char*>(std::memcpy(small, w.begin, size));
    lua_pushlstring(L, bytes, size);
  } else {
    lua_settop(L, top);
    w = pack_to_userdata(L, from, size + kHeadRoom);
    lua_pushlstring(L, w.begin, static_cast<std::size_t>(w.at - w.begin));
    lua_replace(L, top + 1);
  }
  if (scratch.capacity > kKeepBytes) drop_scratch();
}

}  // namespace runtime::RUNTIME_ENGINE
