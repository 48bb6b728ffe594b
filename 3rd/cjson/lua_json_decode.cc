// Decoding: tokens to Lua values.
//
// The entries of a table wait on the Lua stack until it ends, or until there are many: so it is
// made once, in the right size, and not rehashed again and again as it grows.
#include "lua_json.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using json::Token;
using Frame = JsonState::Frame;

// Entries that wait on the stack. Deep inside only one does: LuaJIT's C stack has 8,000 slots.
constexpr int kPending = 32;
constexpr std::size_t kWideDepth = 32;

class Decoder {
 public:
  Decoder(lua_State* L, std::string_view text, const JsonOptions& options, JsonState* state)
      : L_(L), lexer_(text, options.decode_invalid_numbers), options_(options), state_(state) {}

  void run() {
    Token token = lexer_.next();
    for (;;) {
      // A value begins at `token`.
      switch (token) {
        case Token::array_begin:
          open(true);
          token = lexer_.next();
          if (token != Token::array_end) continue;
          close();
          break;
        case Token::object_begin:
          open(false);
          token = lexer_.next();
          if (token != Token::object_end) {
            token = key(token);
            continue;
          }
          close();
          break;
        case Token::string: push_string(); break;
        case Token::integer: push_integer(lexer_.integer()); break;
        case Token::number: lua_pushnumber(L_, lexer_.number()); break;
        case Token::boolean: lua_pushboolean(L_, lexer_.boolean()); break;
        case Token::null: lua_pushlightuserdata(L_, nullptr); break;
        default: fail("value");
      }
      // A value lies on the top of the stack: to where does it belong?
      for (;;) {
        if (state_->frames.empty()) {
          if (lexer_.next() != Token::end) fail("the end");
          return;
        }
        Frame& frame = state_->frames.back();
        if (++frame.pending == limit()) flush(&frame, false);
        token = lexer_.next();
        if (token == Token::comma) {
          token = lexer_.next();
          if (!frame.array) token = key(token);
          break;
        }
        if (token != (frame.array ? Token::array_end : Token::object_end)) {
          fail(frame.array ? "comma or array end" : "comma or object end");
        }
        close();
      }
    }
  }

 private:
  int limit() const { return state_->frames.size() <= kWideDepth ? kPending : 1; }

  // Pushes the key at `token`; gives the first token of its value.
  Token key(Token token) {
    if (token != Token::string) fail("object key string");
    push_string();
    if (lexer_.next() != Token::colon) fail("colon");
    return lexer_.next();
  }

  void push_string() {
    const std::string_view raw = lexer_.string();
    if (!lexer_.has_escapes()) {
      lua_pushlstring(L_, raw.data(), raw.size());
      return;
    }
    state_->out.clear();
    char* bytes = state_->out.reserve(raw.size());
    lua_pushlstring(L_, bytes, json::unescape(raw, bytes));
  }

  void push_integer(std::int64_t value) {
#ifdef RUNTIME_LUAJIT
    constexpr std::int64_t kExact = std::int64_t{1} << 53;
    if (value >= -kExact && value <= kExact) {
      lua_pushnumber(L_, static_cast<lua_Number>(value));
      return;
    }
#endif
    push_int64(L_, value);
  }

  void open(bool array) {
    // Pairs until a flush, a key, and what push_int64() and flush() need.
    const std::size_t depth = state_->frames.size() + 1;
    const int slots = depth <= kWideDepth ? 2 * kPending + 8 : 8;
    if (depth > static_cast<std::size_t>(options_.decode_max_depth) || !lua_checkstack(L_, slots)) {
      release();
      luaL_error(L_, "Found too many nested data structures (%d) at character %d",
                 static_cast<int>(depth), static_cast<int>(lexer_.position() + 1));
    }
    lua_pushnil(L_);
    state_->frames.push_back({lua_gettop(L_), array, false, 0, 0, 0});
  }

  // Puts the waiting entries into the table.
  void flush(Frame* frame, bool whole) {
    const int slot = frame->slot;
    const int n = frame->pending;
    const bool first = !frame->made;
    if (first) {
      const int size = whole ? n : 2 * n;
      lua_createtable(L_, frame->array ? size : 0, frame->array ? 0 : size);
      lua_replace(L_, slot);
      frame->made = true;
    }
    if (!frame->array) {
      for (int i = 1; i <= n; ++i) {  // in their order: of equal keys, the last counts
        if (i < n) {
          lua_pushvalue(L_, slot + 2 * i - 1);
          lua_pushvalue(L_, slot + 2 * i);
        } else {
          lua_settop(L_, slot + 2 * n);
        }
        lua_rawset(L_, slot);
      }
    } else if (first) {
      for (int i = n; i > 0; --i) lua_rawseti(L_, slot, i);
    } else {
      for (int i = 1; i <= n; ++i) {  // upwards, or the new entries would go to the hash part
        lua_pushvalue(L_, slot + i);
        set_index(slot, frame->at + i);
      }
    }
    lua_settop(L_, slot);
    frame->at += n;
    frame->pending = 0;
  }

  void set_index(int slot, lua_Integer index) {
#ifdef RUNTIME_LUAJIT
    if (index > INT32_MAX) {
      release();
      luaL_error(L_, "Found an array that is too large");
    }
    lua_rawseti(L_, slot, static_cast<int>(index));
#else
    lua_rawseti(L_, slot, index);
#endif
  }

  void close() {
    Frame& frame = state_->frames.back();
    if (!frame.made || frame.pending > 0) flush(&frame, true);
    if (frame.array && options_.decode_arrays_with_mt) {
      lua_rawgetp(L_, LUA_REGISTRYINDEX, &json_array_mt);
      lua_setmetatable(L_, -2);
    }
    state_->frames.pop_back();
  }

  void release() { state_->busy = false; }

  void fail(const char* expected) {
    release();
    luaL_error(L_, "Expected %s but found %s at character %d", expected, lexer_.name(),
               static_cast<int>(lexer_.position() + 1));
  }

  lua_State* L_;
  json::Lexer lexer_;
  const JsonOptions& options_;
  JsonState* state_;
};

static_assert(std::is_trivially_destructible_v<Decoder>);

}  // namespace

void decode_json(lua_State* L, std::string_view text, const JsonOptions& options,
                 JsonState* state) {
  state->frames.clear();
  luaL_checkstack(L, 8, nullptr);
  Decoder(L, text, options, state).run();
}

}  // namespace runtime::RUNTIME_ENGINE
