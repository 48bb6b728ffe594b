#include <array>
#include <climits>
#include <cmath>

#include "lua/seri.h"
#include "lua/seri_format.h"
#include "lua/shared_api.h"

// A table is read twice. scan_*() checks its bytes and counts its pairs, without touching Lua: bad
// input leaves no garbage and cannot ask for memory. Then build_*() makes the values, trusts the
// bytes, and creates every table in its final size; growing them step by step would cost more than
// the scan.

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr int kMaxDepth = 200;  // tables around a value; the C stack holds a frame for each

// How many bytes a value takes by its head byte; or one of:
constexpr Byte kLong = 0xfd;
constexpr Byte kNested = 0xfe;
constexpr Byte kInvalid = 0xff;
constexpr Byte kMaxFixed = 32;  // a head and a short string of 31 bytes

constexpr std::array<Byte, 256> kBytes = [] {
  std::array<Byte, 256> bytes{};
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned cookie = i >> kTypeBits;
    Byte& b = bytes[i];
    b = kInvalid;
    switch (i & kTypeMask) {
      case kNil:
      case kBoolean: b = 1; break;
      case kNumber:
        if (cookie == kZero) b = 1;
        if (cookie == kU8) b = 1 + 1;
        if (cookie == kU16) b = 1 + 2;
        if (cookie == kI32) b = 1 + 4;
        if (cookie == kI64 || cookie == kDouble) b = 1 + 8;
        break;
      case kPointer: b = 1 + 8; break;
      case kShortString: b = static_cast<Byte>(1 + cookie); break;
      case kLongString:
        if (cookie == 2 || cookie == 4) b = kLong;
        break;
      case kTable: b = kNested; break;
    }
  }
  return bytes;
}();

template <class Number>
inline Number get(const Byte* at) {
  Number number;
  std::memcpy(&number, at, sizeof number);
  return number;
}

inline std::int64_t get_integer(const Byte* at) {
  switch (*at >> kTypeBits) {
    case kU8: return at[1];
    case kU16: return get<std::uint16_t>(at + 1);
    case kI32: return get<std::int32_t>(at + 1);
    case kI64: return get<std::int64_t>(at + 1);
    default: return 0;
  }
}

inline bool is_nil(const Byte* at) { return (*at & kTypeMask) == kNil; }

constexpr std::uint32_t kLocalCounts = 256;
constexpr char kTooMany[] = "too many values for the stack";

struct Scan {
  const Byte* end;
  std::uint32_t* counts;   // pairs of each table, in the order of their heads
  std::uint32_t capacity;  // of `counts`; later tables are counted in `tables` only
  std::uint32_t tables;
  int depth;  // the deepest nesting met
  UnpackError error;
};

const Byte* fail(Scan& s, const Byte* at, const char* reason) {
  s.error = {static_cast<std::size_t>(s.end - at), reason};
  return nullptr;
}

const Byte* scan_table(Scan& s, const Byte* at, int depth);

// Checks the value at `at` and gives where it ends; null, and s.error, when it is not one.
inline const Byte* scan_value(Scan& s, const Byte* at, int depth) {
  if (at == s.end) return fail(s, at, "a value is missing");
  const auto left = static_cast<std::size_t>(s.end - at);
  const std::size_t bytes = kBytes[*at];
  if (bytes <= kMaxFixed) [[likely]] {
    if (bytes > left) return fail(s, at, "a value is cut");
    return at + bytes;
  }
  if (bytes == kNested) return scan_table(s, at, depth);
  if (bytes == kInvalid) return fail(s, at, "an unknown type or form");
  const std::size_t prefix = 1 + (*at >> kTypeBits);
  if (prefix > left) return fail(s, at, "a string is cut");
  const std::size_t length = prefix == 3 ? get<std::uint16_t>(at + 1) : get<std::uint32_t>(at + 1);
  if (length > left - prefix) return fail(s, at, "a string is cut");
  return at + prefix + length;
}

const Byte* scan_table(Scan& s, const Byte* at, int depth) {
  if (++depth > kMaxDepth) return fail(s, at, "tables are nested too deep");
  if (depth > s.depth) s.depth = depth;
  const Byte* const start = at;
  const std::uint32_t table = s.tables++;
  std::int64_t length = *at++ >> kTypeBits;
  if (length == kMaxCookie) {
    const Byte* const after = scan_value(s, at, depth);
    if (after == nullptr) return nullptr;
    if ((*at & kTypeMask) != kNumber || *at == head(kNumber, kDouble)) {
      return fail(s, at, "an array length is no integer");
    }
    length = get_integer(at);
    at = after;
  }
  // Every value takes a byte, so this bounds what a length can claim.
  if (length < 0 || length > s.end - at) return fail(s, start, "an array is longer than the data");
  for (; length > 0; --length) {
    at = scan_value(s, at, depth);
    if (at == nullptr) return nullptr;
  }
  std::uint32_t pairs = 0;
  for (; at != s.end && !is_nil(at); ++pairs) {
    if (*at == head(kNumber, kDouble) && s.end - at > 8 && std::isnan(get<double>(at + 1))) {
      return fail(s, at, "table index is NaN");
    }
    at = scan_value(s, at, depth);
    if (at == nullptr) return nullptr;
    at = scan_value(s, at, depth);
    if (at == nullptr) return nullptr;
  }
  if (at == s.end) return fail(s, start, "a table is cut");
  if (table < s.capacity) s.counts[table] = pairs;
  return at + 1;
}

struct Build {
  lua_State* L;
  const std::uint32_t* counts;  // of the next table
};

inline int size_hint(std::int64_t n) { return n < INT_MAX ? static_cast<int>(n) : INT_MAX; }

const Byte* build_table(Build& b, const Byte* at);

inline void push_integer(lua_State* L, std::int64_t value) {
#ifdef RUNTIME_LUAJIT
  if (value > (std::int64_t{1} << 53) || value < -(std::int64_t{1} << 53)) [[unlikely]] {
    return push_int64(L, value);
  }
  lua_pushnumber(L, static_cast<double>(value));
#else
  lua_pushinteger(L, value);
#endif
}

// Pushes the value at `at`, which scan_value() has accepted, and gives where it ends.
inline const Byte* build_value(Build& b, const Byte* at) {
  lua_State* L = b.L;
  const unsigned cookie = *at >> kTypeBits;
  switch (*at & kTypeMask) {
    case kNil: lua_pushnil(L); return at + 1;
    case kBoolean: lua_pushboolean(L, cookie != 0); return at + 1;
    case kNumber:
      if (cookie == kDouble) {
        lua_pushnumber(L, get<double>(at + 1));
      } else {
        push_integer(L, get_integer(at));
      }
      return at + kBytes[*at];
    case kPointer: lua_pushlightuserdata(L, get<void*>(at + 1)); return at + 9;
    case kShortString:
      lua_pushlstring(L, reinterpret_cast<const char*>(at + 1), cookie);
      return at + 1 + cookie;
    case kLongString: {
      const std::size_t length =
          cookie == 2 ? get<std::uint16_t>(at + 1) : get<std::uint32_t>(at + 1);
      lua_pushlstring(L, reinterpret_cast<const char*>(at + 1 + cookie), length);
      return at + 1 + cookie + length;
    }
    default: return build_table(b, at);
  }
}

const Byte* build_table(Build& b, const Byte* at) {
  lua_State* L = b.L;
  std::int64_t length = *at++ >> kTypeBits;
  if (length == kMaxCookie) {
    length = get_integer(at);
    at += kBytes[*at];
  }
  lua_createtable(L, size_hint(length), size_hint(*b.counts++));
  const int table = lua_gettop(L);
  for (std::int64_t i = 1; i <= length; ++i) {
    if (is_nil(at)) {
      ++at;
      continue;
    }
    at = build_value(b, at);
    lua_rawseti(L, table, static_cast<int>(i));
  }
  while (!is_nil(at)) {
    at = build_value(b, at);
    at = build_value(b, at);
    stock_lua_rawset(L, table);  // nobody else knows the table yet
  }
  return at + 1;
}

// Pushes the table at `at`, whose scan is `scan`, and gives where it ends; null without room for
// it.
const Byte* build_scanned(lua_State* L, const Byte* at, Scan& scan) {
  // A table, a key and a value for each level.
  if (!lua_checkstack(L, 3 * scan.depth + LUA_MINSTACK)) return fail(scan, at, kTooMany);
  if (scan.tables <= scan.capacity) {
    Build b{L, scan.counts};
    return build_table(b, at);
  }
  // More tables than the stack holds counts for: once more, with a userdata to hold them.
  Scan again = scan;
  again.capacity = scan.tables;
  again.tables = 0;
  again.counts =
      static_cast<std::uint32_t*>(lua_newuserdatauv(L, sizeof(std::uint32_t) * again.capacity, 0));
  scan_value(again, at, 0);
  Build b{L, again.counts};
  at = build_table(b, at);
  lua_remove(L, -2);
  return at;
}

}  // namespace

int unpack(lua_State* L, const void* data, std::size_t size, UnpackError* error) {
  constexpr int kStackRoom = 4;  // there when it begins; the rest is for values in tables
  constexpr int kStackStep = 8;
  std::uint32_t counts[kLocalCounts];
  const Byte* at = static_cast<const Byte*>(data);
  const int top = lua_gettop(L);
  Scan scan{at + size, counts, kLocalCounts, 0, 0, {}};
  Build build{L, counts};
  int count = 0;
  for (; at != scan.end; ++count) {
    if (count % kStackStep == kStackRoom && !lua_checkstack(L, kStackStep + LUA_MINSTACK)) {
      fail(scan, at, kTooMany);
      break;
    }
    if ((*at & kTypeMask) == kTable) {
      scan.tables = 0;
      scan.depth = 0;
      if (scan_table(scan, at, 0) == nullptr) break;
      const Byte* const after = build_scanned(L, at, scan);
      if (after == nullptr) break;
      at = after;
    } else {
      if (scan_value(scan, at, 0) == nullptr) break;
      at = build_value(build, at);
    }
  }
  if (at == scan.end) return count;
  lua_settop(L, top);
  *error = scan.error;
  return -1;
}

void push_unpack_error(lua_State* L, const UnpackError& error) {
  lua_pushfstring(L, "Invalid serialize stream %d (%s)",
                  size_hint(static_cast<std::int64_t>(error.left)), error.reason);
}

int unpack_or_raise(lua_State* L, const void* data, std::size_t size) {
  UnpackError error;
  const int count = unpack(L, data, size, &error);
  if (count < 0) {
    luaL_where(L, 1);
    push_unpack_error(L, error);
    lua_concat(L, 2);
    lua_error(L);
  }
  return count;
}

}  // namespace runtime::RUNTIME_ENGINE
