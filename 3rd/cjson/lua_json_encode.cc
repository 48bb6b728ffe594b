// Encoding: Lua values to text. Deep tables need Lua stack, not C stack.
#include <cmath>

#include "lua_json.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using Frame = JsonState::Frame;

// 10^n, as long as it is exact in a double: whole numbers below it have at most n digits.
constexpr double kPowers[] = {1e0, 1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,
                              1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17};

class Encoder {
 public:
  Encoder(lua_State* L, const JsonOptions& options, JsonState* state)
      : L_(L), options_(options), state_(state), out_(state->out) {}

  // Writes the value on the top of the stack and pops it.
  void run() {
    value();
    while (!state_->frames.empty()) {
      if (push_next()) {
        value();
      } else {
        out_.raw(state_->frames.back().array ? ']' : '}');
        lua_settop(L_, state_->frames.back().slot - 1);
        state_->frames.pop_back();
      }
    }
  }

 private:
  // Writes the value on the top of the stack and pops it; for a table that is not empty, writes its
  // first bracket and opens a frame.
  void value() {
    switch (lua_type(L_, -1)) {
      case LUA_TSTRING: string(-1); break;
      case LUA_TNUMBER: number(-1); break;
      case LUA_TBOOLEAN:
        out_.raw(lua_toboolean(L_, -1) ? std::string_view("true") : std::string_view("false"));
        break;
      case LUA_TNIL: out_.raw("null"); break;
      case LUA_TTABLE:
        if (open()) return;
        break;
      case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L_, -1) == nullptr) {
          out_.raw("null");
        } else if (lua_touserdata(L_, -1) == &json_empty_array) {
          out_.raw("[]");
        } else {
          fail(-1, "type not supported");
        }
        break;
#ifdef RUNTIME_LUAJIT
      case LUA_TCDATA: cdata(); break;
#endif
      default: fail(-1, "type not supported");
    }
    lua_pop(L_, 1);
  }

  void string(int index) {
    std::size_t size = 0;
    const char* data = lua_tolstring(L_, index, &size);
    out_.string({data, size}, options_.escape_slash);
  }

  void number(int index) {
#ifdef RUNTIME_LUA54
    if (lua_isinteger(L_, index)) {
      out_.integer(lua_tointeger(L_, index));
      return;
    }
    const double limit = kPowers[options_.number_precision];
#else
    // Every number is a double: one that is whole stands for an integer and keeps all of its
    // digits, as long as it does not look as if some had been lost before.
    constexpr double kExact = 9007199254740992.0;
    const double limit =
        options_.number_precision < 14 ? kPowers[options_.number_precision] : kExact;
#endif
    const double number = lua_tonumber(L_, index);
    if (number > -limit && number < limit) {
      const auto whole = static_cast<std::int64_t>(number);
      if (static_cast<double>(whole) == number && (whole != 0 || !std::signbit(number))) {
        out_.integer(whole);
        return;
      }
    } else if (!std::isfinite(number) && options_.encode_invalid_numbers != JsonOptions::kAccept) {
      if (options_.encode_invalid_numbers == JsonOptions::kRefuse)
        fail(index, "must not be NaN or Inf");
      out_.raw("null");
      return;
    }
    out_.number(number, options_.number_precision);
  }

#ifdef RUNTIME_LUAJIT
  void cdata() {
    std::int64_t whole = 0;
    if (to_int64(L_, -1, &whole)) {
      out_.integer(whole);
      return;
    }
    // What is left of the 64-bit integers are the upper half of uint64_t, and print as 123ULL.
    std::size_t size = 0;
    const char* text = luaL_tolstring(L_, -1, &size);
    if (size < 4 || std::strcmp(text + size - 3, "ULL") != 0 || text[0] < '0' || text[0] > '9') {
      fail(-2, "type not supported");
    }
    out_.raw({text, size - 3});
    lua_pop(L_, 1);
  }
#endif

  // The table on the top: true when it is now a frame, false when it was empty and is written.
  bool open() {
    const std::size_t depth = state_->frames.size() + 1;
    if (depth > static_cast<std::size_t>(options_.encode_max_depth) || !lua_checkstack(L_, 8)) {
      release();
      luaL_error(L_, "Cannot serialise, excessive nesting (%d)", static_cast<int>(depth));
    }
    const lua_Integer length = array_length();
    if (length == 0) {
      out_.raw("[]");
      return false;
    }
    const int slot = lua_gettop(L_);
    const bool array = length > 0;
    if (!array) lua_pushnil(L_);  // the key before the first
    out_.raw(array ? '[' : '{');
    state_->frames.push_back({slot, array, true, 0, 0, length});
    return true;
  }

  // Of the table on the top: the length as an array, 0 for an empty array, -1 for an object.
  lua_Integer array_length() {
    bool marked = false;        // array_mt: an array whatever is in it
    bool marked_empty = false;  // empty_array_mt: an array when nothing is in it
    if (lua_getmetatable(L_, -1)) {
      marked = is_top_marked(&json_array_mt);
      marked_empty = is_top_marked(&json_empty_array_mt);
      lua_pop(L_, 1);
    }
    lua_Integer highest = 0;
    lua_Integer entries = 0;
    lua_pushnil(L_);
    while (lua_next(L_, -2)) {
      const lua_Integer index = lua_type(L_, -2) == LUA_TNUMBER ? key_index() : 0;
      if (index == 0) {
        lua_pop(L_, 2);
        return marked ? static_cast<lua_Integer>(lua_rawlen(L_, -1)) : -1;
      }
      if (index > highest) highest = index;
      ++entries;
      lua_pop(L_, 1);
    }
    if (entries == 0) return marked || marked_empty || options_.empty_table_as_array ? 0 : -1;
    if (options_.sparse_ratio > 0 && highest > options_.sparse_safe &&
        highest > entries * options_.sparse_ratio) {
      if (!options_.sparse_convert) fail(-1, "excessively sparse array");
      return -1;
    }
    return highest;
  }

  bool is_top_marked(const void* key) {
    lua_rawgetp(L_, LUA_REGISTRYINDEX, key);
    const bool same = lua_rawequal(L_, -1, -2) != 0;
    lua_pop(L_, 1);
    return same;
  }

  // The array index that the number at -2 is, or 0.
  lua_Integer key_index() {
#ifdef RUNTIME_LUA54
    const lua_Integer index = lua_isinteger(L_, -2) ? lua_tointeger(L_, -2) : 0;
    return index > 0 ? index : 0;
#else
    const double key = lua_tonumber(L_, -2);
    if (!(key >= 1 && key <= 9007199254740992.0)) return 0;
    const auto index = static_cast<lua_Integer>(key);
    return static_cast<double>(index) == key ? index : 0;
#endif
  }

  // Writes what stands before the next value of the innermost table, and pushes that; false at the
  // end.
  bool push_next() {
    Frame& frame = state_->frames.back();
    if (frame.array) {
      if (frame.at == frame.last) return false;
      if (frame.at++ > 0) out_.raw(',');
      push_index(frame.slot, frame.at);
      return true;
    }
    if (!lua_next(L_, frame.slot)) return false;
    if (frame.at++ > 0) out_.raw(',');
    if (lua_type(L_, -2) == LUA_TSTRING) {
      string(-2);
    } else if (lua_type(L_, -2) == LUA_TNUMBER) {
      out_.raw('"');
      number(-2);
      out_.raw('"');
    } else {
      fail(-2, "table key must be a number or string");
    }
    out_.raw(':');
    return true;
  }

  void push_index(int table, lua_Integer index) {
#ifdef RUNTIME_LUAJIT
    if (index > INT32_MAX) {
      lua_pushnumber(L_, static_cast<lua_Number>(index));
      lua_rawget(L_, table);
      return;
    }
    lua_rawgeti(L_, table, static_cast<int>(index));
#else
    lua_rawgeti(L_, table, index);
#endif
  }

  void release() { state_->busy = false; }

  void fail(int index, const char* reason) {
    release();
    luaL_error(L_, "Cannot serialise %s: %s", luaL_typename(L_, index), reason);
  }

  lua_State* L_;
  const JsonOptions& options_;
  JsonState* state_;
  json::Writer& out_;
};

static_assert(std::is_trivially_destructible_v<Encoder>);

}  // namespace

void encode_json(lua_State* L, int index, const JsonOptions& options, JsonState* state) {
  state->frames.clear();
  state->out.clear();
  luaL_checkstack(L, 8, nullptr);
  lua_pushvalue(L, index);
  Encoder(L, options, state).run();
}

}  // namespace runtime::RUNTIME_ENGINE
