// lpeg: the distribution's LPeg, linked into a module per engine (ARCHIVE_lpeg in modules.mk). It may be older than 1.1:
// utfR is made here then, of the patterns that there are.
#include <algorithm>
#include <cstdint>

#include "lua/engine.h"

extern "C" int archived_open_lpeg(
    lua_State* L);  // luaopen_lpeg in the archive, renamed by the Makefile

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr std::uint32_t kLastCodePoint = 0x10ffff;
constexpr unsigned char kFirstTail = 0x80, kLastTail = 0xbf;

// The bytes of a code point.
struct Encoded {
  unsigned char bytes[4];
  int count;
};

constexpr std::uint32_t kLastOfLength[] = {0x7f, 0x7ff, 0xffff, kLastCodePoint};
constexpr unsigned char kLead[] = {0, 0xc0, 0xe0, 0xf0};

Encoded encode(std::uint32_t code, int count) noexcept {
  Encoded out{{}, count};
  for (int i = count - 1; i > 0; --i, code >>= 6)
    out.bytes[i] = static_cast<unsigned char>(kFirstTail | (code & 0x3f));
  out.bytes[0] = static_cast<unsigned char>(kLead[count - 1] | code);
  return out;
}

// Pushes R(first .. last) of the LPeg in the upvalue.
void push_bytes(lua_State* L, unsigned char first, unsigned char last) {
  const char range[] = {static_cast<char>(first), static_cast<char>(last)};
  lua_getfield(L, lua_upvalueindex(1), "R");
  lua_pushlstring(L, range, sizeof range);
  lua_call(L, 1, 1);
}

// Puts the two patterns at the top of the stack together.
void combine(lua_State* L, const char* metamethod) {
  luaL_getmetafield(L, -1, metamethod);
  lua_insert(L, -3);
  lua_call(L, 2, 1);
}

bool tail_is(const Encoded& code, int at, unsigned char byte) noexcept {
  return std::all_of(code.bytes + at + 1, code.bytes + code.count,
                     [byte](unsigned char tail) { return tail == byte; });
}

Encoded with_tail(Encoded code, int at, unsigned char byte) noexcept {
  std::fill(code.bytes + at + 1, code.bytes + code.count, byte);
  return code;
}

// Pushes a pattern for the bytes from `at` on of the code points from `first` to `last`, which have the same bytes before.
void push_codes(lua_State* L, Encoded first, Encoded last, int at) {
  luaL_checkstack(L, 6, "utfR");
  if (at == first.count - 1) return push_bytes(L, first.bytes[at], last.bytes[at]);
  int choices = 0;
  const auto push_lead_with = [&](const Encoded& from, const Encoded& to) {
    push_bytes(L, from.bytes[at], to.bytes[at]);
    push_codes(L, from, to, at + 1);
    combine(L, "__mul");
    if (choices++ > 0) combine(L, "__add");
  };
  if (first.bytes[at] != last.bytes[at] && !tail_is(first, at, kFirstTail)) {
    push_lead_with(first, with_tail(Encoded(first), at, kLastTail));
    first = with_tail(first, at, kFirstTail);
    ++first.bytes[at];
  }
  if (first.bytes[at] != last.bytes[at] && !tail_is(last, at, kLastTail)) {
    push_lead_with(with_tail(Encoded(last), at, kFirstTail), last);
    last = with_tail(last, at, kLastTail);
    --last.bytes[at];
  }
  push_lead_with(first, last);
}

std::uint32_t check_code(lua_State* L, int arg) {
  const lua_Integer code = luaL_checkinteger(L, arg);
  luaL_argcheck(L, code >= 0 && code <= kLastCodePoint, arg, "a code point is 0 to 0x10ffff");
  return static_cast<std::uint32_t>(code);
}

// utfR(from, to) -> a pattern for the UTF-8 of one code point in that range
int l_utf_range(lua_State* L) {
  std::uint32_t from = check_code(L, 1);
  const std::uint32_t to = check_code(L, 2);
  luaL_argcheck(L, from <= to, 2, "the range is empty");
  lua_settop(L, 0);
  for (int count = 1; count <= 4 && from <= to; ++count) {
    const std::uint32_t last = std::min(kLastOfLength[count - 1], to);
    if (from > last) continue;
    push_codes(L, encode(from, count), encode(last, count), 0);
    if (lua_gettop(L) == 2) combine(L, "__add");
    from = last + 1;
  }
  return 1;
}

}  // namespace

int open_lpeg(lua_State* L) {
  archived_open_lpeg(L);
  lua_getfield(L, -1, "utfR");
  const bool missing = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (!missing) return 1;
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_utf_range, 1);
  lua_setfield(L, -2, "utfR");
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(lpeg, open_lpeg)
