// require "skynet.datasheet.core": what lualib/skynet/datasheet.lua and its builder are made of.
#include <bit>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>

#include "held.h"
#include "share/datasheet.h"
#include "shared_document.h"
#include "shared_table.h"

namespace runtime::RUNTIME_ENGINE {

using share::Kind;
using share::SheetType;

namespace {

struct Compilation {
  static constexpr const char* kLuaType = "datasheet.compilation";
  share::SheetWriter writer;
  std::unordered_map<const void*, std::uint32_t> tables;
  std::string bytes;
};

// One run over a table and all that is below it, breadth first. The Lua tables wait in a list at
// `queue`.
class Walk {
 public:
  Walk(lua_State* L, Compilation* compilation)
      : L_(L), compilation_(compilation), writer_(compilation->writer) {
    lua_newtable(L);
    queue_ = lua_gettop(L);
  }

  void run(int root) {
    lua_pushvalue(L_, root);
    reference(-1);
    for (int i = 1; i <= queued_; ++i) {
      lua_rawgeti(L_, queue_, i);
      fill(lua_gettop(L_));
      lua_settop(L_, queue_);
    }
  }

 private:
  std::uint32_t reference(int index) {
    const auto [known, is_new] = compilation_->tables.try_emplace(lua_topointer(L_, index), 0);
    if (is_new) {
      known->second = writer_.add_table();
      lua_pushvalue(L_, index);
      lua_rawseti(L_, queue_, ++queued_);
    }
    return known->second;
  }

  void fill(int table) {
    writer_.begin();
    const auto length = static_cast<std::int64_t>(lua_rawlen(L_, table));
    for (std::int64_t i = 1; i <= length; ++i) {
      lua_rawgeti(L_, table, static_cast<int>(i));
      convert();
      writer_.element(type_, bits_);
      lua_pop(L_, 1);
    }
    lua_pushnil(L_);
    while (lua_next(L_, table)) {
      if (lua_type(L_, -2) == LUA_TSTRING) {
        std::size_t size = 0;
        const char* data = lua_tolstring(L_, -2, &size);
        const std::uint32_t key = writer_.text({data, size});
        convert();
        writer_.pair(key, type_, bits_);
      } else {
        std::int64_t index = 0;
        const bool element = to_int64(L_, -2, &index) && index >= 1 && index <= length;
        if (!element) luaL_error(L_, "datasheet: keys are strings or 1..n: assertion failed!");
      }
      lua_pop(L_, 1);
    }
    writer_.end();
  }

  // The value on the top of the stack, as type_ and bits_.
  void convert() {
    switch (lua_type(L_, -1)) {
      case LUA_TNIL: return set(SheetType::nil, 0);
      case LUA_TBOOLEAN: return set(SheetType::boolean, lua_toboolean(L_, -1) ? 0x01000000 : 0);
      case LUA_TSTRING: {
        std::size_t size = 0;
        const char* data = lua_tolstring(L_, -1, &size);
        return set(SheetType::text, writer_.text({data, size}));
      }
      case LUA_TTABLE: return set(SheetType::table, reference(-1));
      default: break;
    }
    std::int64_t whole = 0;
    if (to_int64(L_, -1, &whole)) {
      const auto small = static_cast<std::int32_t>(whole);
      if (small == whole) return set(SheetType::integer, static_cast<std::uint32_t>(small));
      return set(SheetType::number, std::bit_cast<std::uint32_t>(static_cast<float>(whole)));
    }
    if (lua_type(L_, -1) == LUA_TNUMBER) {
      return set(SheetType::number,
                 std::bit_cast<std::uint32_t>(static_cast<float>(lua_tonumber(L_, -1))));
    }
    luaL_error(L_, "Unsupport value type %s", luaL_typename(L_, -1));
  }

  void set(SheetType type, std::uint32_t bits) {
    type_ = type;
    bits_ = bits;
  }

  lua_State* L_;
  Compilation* compilation_;
  share::SheetWriter& writer_;
  int queue_;
  int queued_ = 0;
  SheetType type_ = SheetType::nil;
  std::uint32_t bits_ = 0;
};

static_assert(std::is_trivially_destructible_v<Walk>);

// bytes = compile(table)
int l_compile(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  Compilation& compilation = push_held<Compilation>(L);
  Walk(L, &compilation).run(1);
  compilation.bytes = compilation.writer.finish();
  lua_pushlstring(L, compilation.bytes.data(), compilation.bytes.size());
  return 1;
}

// Reads what is at stack index 2; raises when it is no datasheet.
share::ImageRef check_sheet(lua_State* L) {
  share::ImageRef& image = push_held<HeldImage>(L).image;
  image = share::read_sheet(check_string(L, 2));
  if (!image) luaL_error(L, "datasheet: malformed data");
  return std::move(image);
}

// added = add(name, bytes): false when the name is taken
int l_add(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  lua_pushboolean(L, library(Kind::sheets).add(name, check_sheet(L)));
  return 1;
}

// replaced = replace(name, bytes): false when the name is unknown
int l_replace(lua_State* L) {
  const std::string_view name = check_string(L, 1);
  const bool known = static_cast<bool>(library(Kind::sheets).find(name));
  if (known) library(Kind::sheets).replace(name, check_sheet(L));
  lua_pushboolean(L, known);
  return 1;
}

// object = query(name); no value when the name is unknown
int l_query(lua_State* L) { return push_document(L, check_string(L, 1), Kind::sheets) ? 1 : 0; }

// sync(name): moves the objects of this service to the current version
int l_sync(lua_State* L) {
  sync_document(L, check_string(L, 1), Kind::sheets);
  return 0;
}

// handles = holders(name)
int l_holders(lua_State* L) {
  push_holders(L, check_string(L, 1), Kind::sheets);
  return 1;
}

}  // namespace

int open_datasheet(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"compile", l_compile}, {"add", l_add},         {"replace", l_replace}, {"query", l_query},
      {"sync", l_sync},       {"holders", l_holders}, {nullptr, nullptr},
  };
  open_shared_tables(L);
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
