#include "shared_image.h"

#include <climits>
#include <cmath>

#include "held.h"
#include "shared_value.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using share::Function;
using share::ImageBuilder;
using share::Kind;
using share::Table;
using share::Type;
using share::Value;

// Holes that the array part of a table may have whatever its size; above, one hole for each
// element.
constexpr std::size_t kHoles = 16;

int append_bytes(lua_State*, const void* data, std::size_t size, void* code) {
  static_cast<std::string*>(code)->append(static_cast<const char*>(data), size);
  return 0;
}

// One run over everything that can be reached from a table, breadth first: so the way to a table
// that the image keeps is a shortest one, and deep tables need no deep stack.
class Walk {
 public:
  Walk(lua_State* L, ImageMaker* maker, Kind kind)
      : L_(L), maker_(maker), builder_(maker->builder), kind_(kind) {
    lua_newtable(L);
    queue_ = lua_gettop(L);
  }

  void run(int root) {
    lua_pushvalue(L_, root);
    reference(-1);
    for (int i = 1; i <= queued_; ++i) {
      lua_rawgeti(L_, queue_, i);
      lua_pushnil(L_);
      lua_rawseti(L_, queue_, i);
      fill(lua_gettop(L_));
      lua_settop(L_, queue_);
    }
    maker_->image = builder_.finish();
  }

 private:
  // The table that stands for the Lua table at `index`; it is filled later.
  Table* reference(int index) {
    Table*& table = maker_->tables[lua_topointer(L_, index)];
    if (table == nullptr) {
      table = builder_.add_table();
      lua_pushvalue(L_, index);
      lua_rawseti(L_, queue_, ++queued_);
    }
    return table;
  }

  void fill(int index) {
    if (kind_ == Kind::tables && lua_getmetatable(L_, index)) fail("a table with a metatable");
    builder_.begin(maker_->tables[lua_topointer(L_, index)]);
    const std::int64_t length = fill_array(index);
    lua_pushnil(L_);
    while (lua_next(L_, index)) {
      const Value key = key_of(-2);
      if (key.type != Type::integer || key.integer < 1 || key.integer > length) {
        builder_.entry(key, value_of(-1));
      }
      lua_pop(L_, 1);
    }
    builder_.end();
  }

  // Gives the number of elements.
  std::int64_t fill_array(int index) {
    const std::size_t length = std::min<std::size_t>(lua_rawlen(L_, index), INT_MAX);
    std::size_t holes = 0;
    std::size_t dense = 0;  // elements before the first hole
    for (std::size_t i = 1; i <= length; ++i) {
      lua_rawgeti(L_, index, static_cast<int>(i));
      if (!lua_isnil(L_, -1)) {
        if (holes == 0) dense = i;
      } else if (++holes > kHoles + i / 2) {
        lua_pop(L_, 1);
        builder_.keep_elements(dense);
        break;
      }
      builder_.element(value_of(-1));
      lua_pop(L_, 1);
    }
    return static_cast<std::int64_t>(builder_.elements());
  }

  Value key_of(int index) {
    const int type = lua_type(L_, index);
    const bool simple = type == LUA_TSTRING || type == LUA_TNUMBER;
    if (kind_ != Kind::tables && !simple) {
      luaL_error(L_, "Invalid key type %s", luaL_typename(L_, index));
    }
    if (type == LUA_TFUNCTION) fail("a function as a key");
    const Value key = value_of(index);
    if (kind_ != Kind::tables &&
        (key.type == Type::number ||
         (key.type == Type::integer && key.integer != static_cast<int>(key.integer)))) {
      lua_pushvalue(L_, index);
      luaL_error(L_, "Invalid key %s", lua_tostring(L_, -1));
    }
    // A float that is whole is the same key as the integer.
    share::Key plain;
    if (key.type == Type::number && to_shared_key(L_, index, &plain) &&
        plain.type == Type::integer) {
      return Value::of(static_cast<std::int64_t>(plain.bits));
    }
    return key;
  }

  Value value_of(int index) {
    switch (lua_type(L_, index)) {
      case LUA_TNIL: return {};
      case LUA_TBOOLEAN: return Value::of(lua_toboolean(L_, index) != 0);
      case LUA_TNUMBER: return number(index);
      case LUA_TSTRING: {
        std::size_t size = 0;
        const char* data = lua_tolstring(L_, index, &size);
        return Value::of(builder_.text({data, size}));
      }
      case LUA_TTABLE: return Value::of(static_cast<const Table*>(reference(index)));
      case LUA_TLIGHTUSERDATA:
        if (kind_ != Kind::tables) break;
        return Value::of(lua_touserdata(L_, index));
      case LUA_TFUNCTION:
        if (kind_ != Kind::tables) break;
        return function(index);
      default: {
        std::int64_t whole = 0;
        if (to_int64(L_, index, &whole)) return Value::of(whole);
      }
    }
    luaL_error(L_, "Unsupport value type %s", luaL_typename(L_, index));
    return {};
  }

  Value number(int index) {
#ifdef RUNTIME_LUA54
    if (lua_isinteger(L_, index))
      return Value::of(static_cast<std::int64_t>(lua_tointeger(L_, index)));
    return Value::of(static_cast<double>(lua_tonumber(L_, index)));
#else
    // Numbers that are whole stand for integers, as in messages.
    const double number = lua_tonumber(L_, index);
    const bool whole = number >= -0x1p53 && number <= 0x1p53 && number == std::floor(number);
    if (whole && !(number == 0 && std::signbit(number)))
      return Value::of(static_cast<std::int64_t>(number));
    return Value::of(number);
#endif
  }

  Value function(int index) {
    const void* address = lua_topointer(L_, index);
    const auto known = maker_->functions.find(address);
    if (known != maker_->functions.end()) return known->second;
    const Standard standard = find_in_library(index);
    // In LuaJIT some functions of the libraries have upvalues, print and ipairs among them.
    const bool may_have_upvalues = kEngine == share::Engine::luajit && standard.name != nullptr;
    if (!may_have_upvalues && lua_getupvalue(L_, index, 1) != nullptr)
      fail("a function with upvalues");
    const Value value = builder_.add_function({});
    maker_->functions.emplace(address, value);
    Function& function = builder_.function(value);
    if (standard.name != nullptr) {
      function.library = standard.library;
      function.name = standard.name;
      return value;
    }
    if (lua_iscfunction(L_, index)) {
      function.native[static_cast<std::size_t>(kEngine)] =
          reinterpret_cast<void*>(lua_tocfunction(L_, index));
      if (lua_tocfunction(L_, index) == nullptr) fail("this C function");
      return value;
    }
    std::string* code = &function.bytecode[static_cast<std::size_t>(kEngine)];
    lua_pushvalue(L_, index);
#ifdef RUNTIME_LUA54
    lua_dump(L_, append_bytes, code, 0);
#else
    lua_dump(L_, append_bytes, code);
#endif
    lua_pop(L_, 1);
    return value;
  }

  // The place of a function in the standard libraries; the texts live as long as those. Null: it has none.
  struct Standard {
    const char* library;
    const char* name;
  };

  // Names the function at `index` if it is one of the standard libraries, of which each state has
  // its own: those of LuaJIT are no C functions for others.
  Standard find_in_library(int index) {
    if (!lua_iscfunction(L_, index)) return {};
    index = lua_absindex(L_, index);
    const int top = lua_gettop(L_);
    lua_getfield(L_, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    for (const char* library :
         {"_G", "coroutine", "debug", "io", "math", "os", "string", "table", "utf8", "bit"}) {
      lua_getfield(L_, top + 1, library);
      if (!lua_istable(L_, -1)) continue;
      lua_pushnil(L_);
      while (lua_next(L_, -2)) {
        if (lua_rawequal(L_, -1, index) && lua_type(L_, -2) == LUA_TSTRING) {
          const char* const name = lua_tostring(L_, -2);
          lua_settop(L_, top);
          return {library, name};
        }
        lua_pop(L_, 1);
      }
    }
    lua_settop(L_, top);
    return {};
  }

  void fail(const char* what) { luaL_error(L_, "%s can't be shared", what); }

  lua_State* L_;
  ImageMaker* maker_;
  ImageBuilder& builder_;
  const Kind kind_;
  int queue_;
  int queued_ = 0;
};

static_assert(std::is_trivially_destructible_v<Walk>);

}  // namespace

ImageMaker* make_image(lua_State* L, int index, Kind kind) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, LUA_MINSTACK + 12, nullptr);
  ImageMaker* maker = &push_held<ImageMaker>(L);
  Walk(L, maker, kind).run(index);
  lua_pop(L, 1);  // the queue
  return maker;
}

}  // namespace runtime::RUNTIME_ENGINE
