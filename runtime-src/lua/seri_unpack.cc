#include <algorithm>
#include <climits>
#include <cmath>

#include "lua/known_strings.h"
#include "lua/pointer_segments.h"
#include "lua/record_shapes.h"
#include "lua/seri.h"
#include "lua/seri_format.h"
#include "lua/shared_api.h"

// A table is read twice. scan_*() checks its bytes, counts its pairs and looks whether it is a record
// (record_shapes.h), without touching Lua: bad input leaves no garbage and cannot ask for memory. Then
// build_*() makes the values, trusts the bytes, and creates every table in its final size; growing them
// step by step would cost more than the scan.

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr int kMaxDepth = 200;  // tables around a value; the C stack holds a frame for each

inline bool is_nil(const Byte* at) { return (*at & kTypeMask) == kNil; }

constexpr std::uint32_t kLocalCounts = 256;
constexpr char kTooMany[] = "too many values for the stack";

// A table.
struct Counted {
  const RecordShape* shape;  // null: none that is known
  std::uint32_t serial;      // of the shape
  std::uint32_t pairs;
};

// A shape to be learnt.
struct Unknown {
  int count;
  RecordKey keys[kRecordKeys];
};

struct Scan {
  const Byte* end;
  Counted* counts;         // of each table, in the order of their heads
  std::uint32_t capacity;  // of `counts`; later tables are counted in `tables` only
  std::uint32_t tables;
  int depth;  // the deepest nesting met
  UnpackError error;
  RecordShapes* shapes;  // null: no records
  Unknown unknown;       // its count is 0: none
};

const Byte* fail(Scan& s, const Byte* at, const char* reason) {
  s.error = {static_cast<std::size_t>(s.end - at), reason};
  return nullptr;
}

// Where the value at `at`, which is no table and begins before `end`, ends; null, and *reason, when it is not one.
inline const Byte* simple_end(const Byte* at, const Byte* end, const char** reason) {
  const auto left = static_cast<std::size_t>(end - at);
  const std::size_t bytes = kBytes[*at];
  if (bytes <= kMaxFixed) [[likely]] {
    if (bytes <= left) return at + bytes;
    *reason = "a value is cut";
    return nullptr;
  }
  if (bytes == kInvalid) {
    *reason = "an unknown type or form";
    return nullptr;
  }
#ifdef RUNTIME_LUAJIT
  if (bytes == kChecked) {
    *reason = left < 9 ? "a value is cut" : "a pointer to nowhere";
    return left >= 9 && takes_pointer(get<void*>(at + 1)) ? at + 9 : nullptr;
  }
#endif
  const std::size_t prefix = 1 + (*at >> kTypeBits);
  if (prefix <= left) {
    const std::size_t length =
        prefix == 3 ? get<std::uint16_t>(at + 1) : get<std::uint32_t>(at + 1);
    if (length <= left - prefix) return at + prefix + length;
  }
  *reason = "a string is cut";
  return nullptr;
}

const Byte* scan_table(Scan& s, const Byte* at, int depth);

// Checks the value at `at` and gives where it ends; null, and s.error, when it is not one.
inline const Byte* scan_value(Scan& s, const Byte* at, int depth) {
  if (at == s.end) return fail(s, at, "a value is missing");
  if ((*at & kTypeMask) == kTable) return scan_table(s, at, depth);
  const char* reason;
  const Byte* const after = simple_end(at, s.end, &reason);
  return after != nullptr ? after : fail(s, at, reason);
}

// Whether a record may have the value at `at`.
inline bool fits_record(const Byte* at) {
#ifdef RUNTIME_LUAJIT
  if (*at == head(kNumber, kI64)) return false;  // it may become cdata
#endif
  const unsigned type = *at & kTypeMask;
  return type != kNil && type != kPointer;
}

inline const RecordShape* find_shape(Scan& s, const RecordKey* keys, int count) {
  bool frequent = false;
  const RecordShape* const shape = s.shapes->find(keys, count, &frequent);
  if (frequent && s.unknown.count == 0) [[unlikely]] {
    s.unknown.count = count;
    std::copy_n(keys, count, s.unknown.keys);
  }
  return shape;
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
  bool is_record = s.shapes != nullptr && start + 1 == at && *start == head(kTable, 0);
  RecordKey keys[kRecordKeys];
  std::uint32_t pairs = 0;
  for (; at != s.end && !is_nil(at); ++pairs) {
    if (is_record && pairs < kRecordKeys && (*at & kTypeMask) == kShortString) [[likely]] {
      keys[pairs] = {reinterpret_cast<const char*>(at + 1),
                     static_cast<std::size_t>(*at >> kTypeBits)};
      if (keys[pairs].size >= static_cast<std::size_t>(s.end - at))
        return fail(s, at, "a value is cut");
      at += 1 + keys[pairs].size;
    } else {
      is_record = false;
      if (*at == head(kNumber, kDouble) && s.end - at > 8 && std::isnan(get<double>(at + 1))) {
        return fail(s, at, "table index is NaN");
      }
      at = scan_value(s, at, depth);
      if (at == nullptr) return nullptr;
    }
    if (at != s.end && !fits_record(at)) is_record = false;
    at = scan_value(s, at, depth);
    if (at == nullptr) return nullptr;
  }
  if (at == s.end) return fail(s, start, "a table is cut");
  if (table < s.capacity) {
    const RecordShape* const shape =
        is_record && pairs > 0 ? find_shape(s, keys, static_cast<int>(pairs)) : nullptr;
    s.counts[table] = {shape, shape == nullptr ? 0 : shape->serial, pairs};
  }
  return at + 1;
}

struct Build {
  lua_State* L;
  const Counted* counts;  // of the next table
};

inline int size_hint(std::int64_t n) { return n < INT_MAX ? static_cast<int>(n) : INT_MAX; }

const Byte* build_table(Build& b, const Byte* at);

inline void push_integer(lua_State* L, std::int64_t value) {
#ifdef RUNTIME_LUAJIT
  if (value > (std::int64_t{1} << 53) || value < -(std::int64_t{1} << 53)) [[unlikely]] {
    return push_int64(L, value);
  }
#endif
  push_number(L, value);
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

// Pushes the record whose first key is at `at`, and gives where it ends; null, and nothing pushed, when it cannot be made
// so.
const Byte* build_record(Build& b, const Byte* at, const RecordShape& shape) {
  Record record(b.L, shape);
  const int count = shape.count;  // a finalizer may change it
  for (int i = 0; i < count; ++i) {
    at += 1 + (*at >> kTypeBits);
    const unsigned cookie = *at >> kTypeBits;
    switch (*at & kTypeMask) {
      case kBoolean:
        record.add(cookie != 0);
        ++at;
        break;
      case kNumber:
        if (cookie == kDouble) {
          record.add(get<double>(at + 1));
        } else {
          record.add(get_integer(at));
        }
        at += kBytes[*at];
        break;
      case kTable:
        at = build_table(b, at);
        record.add_table();
        break;
      default: at = build_value(b, at); record.add_string();
    }
  }
  return record.finish() ? at + 1 : nullptr;
}

const Byte* build_table(Build& b, const Byte* at) {
  lua_State* L = b.L;
  std::int64_t length = *at++ >> kTypeBits;
  if (length == kMaxCookie) {
    length = get_integer(at);
    at += kBytes[*at];
  }
  const Counted* const counted = b.counts++;
  if (counted->shape != nullptr && counted->serial == counted->shape->serial) {
    const Byte* const after = build_record(b, at, *counted->shape);
    if (after != nullptr) [[likely]]
      return after;
    b.counts = counted + 1;
  }
  lua_createtable(L, size_hint(length), size_hint(counted->pairs));
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
  // A table, a key and a value for each level; of a record all values.
  if (!lua_checkstack(L, (3 + kRecordKeys) * scan.depth + LUA_MINSTACK))
    return fail(scan, at, kTooMany);
  if (scan.tables <= scan.capacity) {
    Build b{L, scan.counts};
    return build_table(b, at);
  }
  // More tables than the stack holds counts for: once more, with a userdata to hold them.
  Scan again = scan;
  again.capacity = scan.tables;
  again.tables = 0;
  again.counts = static_cast<Counted*>(lua_newuserdatauv(L, sizeof(Counted) * again.capacity, 0));
  scan_value(again, at, 0);
  Build b{L, again.counts};
  at = build_table(b, at);
  lua_remove(L, -2);
  return at;
}

// Pushes the table at `at`, and gives where it ends; null, and `error`, when it is wrong or there is no room for it.
[[gnu::noinline]] const Byte* unpack_table(lua_State* L, const Byte* at, const Byte* end,
                                           UnpackError* error) {
  Counted counts[kLocalCounts];
  Scan scan;
  scan.end = end;
  scan.counts = counts;
  scan.capacity = kLocalCounts;
  scan.tables = 0;
  scan.depth = 0;
  scan.shapes = RecordShapes::of(L);
  scan.unknown.count = 0;
  const Byte* after = scan_table(scan, at, 0);
  if (after != nullptr) after = build_scanned(L, at, scan);
  if (after == nullptr) {
    *error = scan.error;
  } else if (scan.unknown.count > 0) [[unlikely]] {
    scan.shapes->learn(L, scan.unknown.keys, scan.unknown.count);
  }
  return after;
}

}  // namespace

int unpack(lua_State* L, const void* data, std::size_t size, UnpackError* error,
           KnownStrings* strings) {
  constexpr int kStackRoom = 4;  // there when it begins; the rest is for values in tables
  constexpr int kStackStep = 8;
  const Byte* at = static_cast<const Byte*>(data);
  const Byte* const end = at + size;
  Build build{L, nullptr};
  int count = 0;
  for (; at != end; ++count) {
    const Byte* after = at;
    const unsigned type = *at & kTypeMask;
    if (count % kStackStep == kStackRoom && !lua_checkstack(L, kStackStep + LUA_MINSTACK)) {
      *error = {static_cast<std::size_t>(end - at), kTooMany};
      after = nullptr;
    } else if (type == kTable) {
      after = unpack_table(L, at, end, error);
    } else {
      const char* reason;
      after = simple_end(at, end, &reason);
      if (after == nullptr) {
        *error = {static_cast<std::size_t>(end - at), reason};
      } else if (type == kShortString && strings != nullptr) {
        strings->push(L, reinterpret_cast<const char*>(at + 1), *at >> kTypeBits);
      } else if (type == kNumber && *at != head(kNumber, kDouble)) {
        push_integer(L, get_integer(at));
      } else {
        build_value(build, at);
      }
    }
    if (after == nullptr) {
      lua_pop(L, count);
      return -1;
    }
    at = after;
  }
  return count;
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
