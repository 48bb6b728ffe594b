// require "skynet.datasheet.core": what lualib/skynet/datasheet.lua and its builder are made of.
//
// Datasheets have names, and are the process's. skynet's own builder and datasheet.lua know no names:
// there a datasheet is the address of its compiled form, a Lua string that the builder keeps, and goes
// from service to service in messages. stringpointer, new and update are for them.
#include <bit>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "held.h"
#include "share/datasheet.h"
#include "shared_document.h"
#include "shared_table.h"
#include "shared_value.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

using share::Kind;
using share::SheetType;

namespace {

struct Compilation {
  static constexpr const char* kLuaType = "datasheet.compilation";
  share::SheetWriter writer;
  std::unordered_map<const void*, std::uint32_t> tables;
  std::vector<int> parents;  // for each table that waits, the place of the one that led to it
  std::string bytes;
};

// One run over a table and all that is below it, breadth first. The Lua tables wait in a list at
// `queue`; the list at `keys` has the key of each in the table that led to it.
class Walk {
 public:
  Walk(lua_State* L, Compilation* compilation)
      : L_(L), compilation_(compilation), writer_(compilation->writer) {
    lua_newtable(L);
    queue_ = lua_gettop(L);
    lua_newtable(L);
    keys_ = lua_gettop(L);
  }

  void run(int root) {
    lua_pushnil(L_);
    lua_pushvalue(L_, root);
    reference();
    lua_settop(L_, keys_);
    for (current_ = 1; current_ <= queued_; ++current_) {
      lua_rawgeti(L_, queue_, current_);
      fill(lua_gettop(L_));
      lua_settop(L_, keys_);
    }
  }

 private:
  // The number of the table at the top of the stack, whose key is below it.
  std::uint32_t reference() {
    const auto [known, is_new] = compilation_->tables.try_emplace(lua_topointer(L_, -1), 0);
    if (is_new) {
      known->second = writer_.add_table();
      compilation_->parents.push_back(current_);
      lua_pushvalue(L_, -1);
      lua_rawseti(L_, queue_, ++queued_);
      lua_pushvalue(L_, -2);
      lua_rawseti(L_, keys_, queued_);
    }
    return known->second;
  }

  // Raises `what` with the way to the value whose key is at `key`.
  void fail(const char* what, int key) {
    lua_pushliteral(L_, "");
    push_step(key);
    lua_concat(L_, 2);
    for (int table = current_; table > 1;
         table = compilation_->parents[static_cast<std::size_t>(table) - 1]) {
      lua_rawgeti(L_, keys_, table);
      push_step(lua_gettop(L_));
      lua_remove(L_, -2);
      lua_insert(L_, -2);
      lua_concat(L_, 2);
    }
    luaL_error(L_, "datasheet: %s: %s", lua_tostring(L_, -1), what);
  }

  // Pushes ".key" or "[3]"; a key with zero bytes in quotes, with each as a backslash and a 0.
  void push_step(int key) {
    if (lua_type(L_, key) != LUA_TSTRING) {
      lua_pushfstring(L_, "[%d]", static_cast<int>(lua_tointeger(L_, key)));
      return;
    }
    const std::string_view text = check_string(L_, key);
    if (text.find('\0') == std::string_view::npos) {
      lua_pushfstring(L_, ".%s", text.data());
      return;
    }
    lua_pushliteral(L_, "[\"");
    const int begin = lua_gettop(L_);
    std::size_t at = 0;
    for (std::size_t zero; (zero = text.find('\0', at)) != std::string_view::npos; at = zero + 1) {
      lua_pushlstring(L_, text.data() + at, zero - at);
      lua_pushliteral(L_, "\\0");
      lua_concat(L_, 3);
    }
    lua_pushlstring(L_, text.data() + at, text.size() - at);
    lua_pushliteral(L_, "\"]");
    lua_concat(L_, lua_gettop(L_) - begin + 1);
  }

  // The string at `index`, where `key` is the key at fault if it cannot be stored.
  std::uint32_t text(int index, int key, const char* what) {
    const std::string_view found = check_string(L_, index);
    if (found.find('\0') != std::string_view::npos) fail(what, key);
    return writer_.text(found);
  }

  void fill(int table) {
    writer_.begin();
    const auto length = static_cast<std::int64_t>(lua_rawlen(L_, table));
    for (std::int64_t i = 1; i <= length; ++i) {
      lua_pushinteger(L_, static_cast<lua_Integer>(i));
      lua_rawgeti(L_, table, static_cast<int>(i));
      convert();
      writer_.element(type_, bits_);
      lua_pop(L_, 2);
    }
    lua_pushnil(L_);
    while (lua_next(L_, table)) {
      if (lua_type(L_, -2) == LUA_TSTRING) {
        const std::uint32_t key = text(-2, lua_gettop(L_) - 1, "a key with a zero byte");
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

  // The value on the top of the stack, whose key is below it, as type_ and bits_.
  void convert() {
    switch (lua_type(L_, -1)) {
      case LUA_TNIL: return set(SheetType::nil, 0);
      case LUA_TBOOLEAN: return set(SheetType::boolean, lua_toboolean(L_, -1) ? 0x01000000 : 0);
      case LUA_TSTRING:
        return set(SheetType::text, text(-1, lua_gettop(L_) - 1, "a string with a zero byte"));
      case LUA_TTABLE: return set(SheetType::table, reference());
      default: break;
    }
    std::int64_t whole = 0;
    if (to_kept_integer(L_, -1, &whole)) {
      const auto small = static_cast<std::int32_t>(whole);
      if (small == whole) return set(SheetType::integer, static_cast<std::uint32_t>(small));
      return set(SheetType::number, std::bit_cast<std::uint32_t>(static_cast<float>(whole)));
    }
    if (lua_type(L_, -1) == LUA_TNUMBER) {
      return set(SheetType::number,
                 std::bit_cast<std::uint32_t>(static_cast<float>(lua_tonumber(L_, -1))));
    }
    lua_pushfstring(L_, "Unsupport value type %s", luaL_typename(L_, -1));
    fail(lua_tostring(L_, -1), lua_gettop(L_) - 2);
  }

  void set(SheetType type, std::uint32_t bits) {
    type_ = type;
    bits_ = bits;
  }

  lua_State* L_;
  Compilation* compilation_;
  share::SheetWriter& writer_;
  int queue_;
  int keys_;
  int queued_ = 0;
  int current_ = 0;  // the table that is being filled, by its place in the queue
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

// ---- datasheets by address ----------------------------------------------------------------------

const void* check_pointer(lua_State* L, int index) {
  luaL_checktype(L, index, LUA_TLIGHTUSERDATA);
  const void* address = lua_touserdata(L, index);
  luaL_argcheck(L, address != nullptr, index, "a null pointer");
  return address;
}

// Reads the datasheet whose address is at `index` into an image that is left on the stack.
share::ImageRef& push_sheet_at(lua_State* L, int index) {
  const auto* address = static_cast<const char*>(check_pointer(L, index));
  share::ImageRef& image = push_held<HeldImage>(L).image;
  image = share::read_sheet(share::sheet_at(address));
  if (!image) luaL_error(L, "datasheet: malformed data");
  return image;
}

// pointer = stringpointer(bytes): valid as long as somebody holds the string
int l_stringpointer(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<char*>(check_string(L, 1).data()));
  return 1;
}

// object = new(pointer): reads all of it now, the bytes are not needed any more
int l_new(lua_State* L) {
  share::ImageRef& image = push_sheet_at(L, 1);
  push_shared_root(L, image, Kind::sheets);
  image = share::ImageRef();
  return 1;
}

// update(object, pointer): the object and all of its parts show the new data from now on
int l_update(lua_State* L) {
  const share::Table* table = shared_table(L, 1);
  luaL_argcheck(L, table != nullptr, 1, "datasheet expected");
  share::ImageRef& image = push_sheet_at(L, 2);
  move_document(L, &table->image(), image, Kind::sheets);
  image = share::ImageRef();
  return 0;
}

// table = undump(bytes): an ordinary table
int l_undump(lua_State* L) {
  share::ImageRef& image = push_held<HeldImage>(L).image;
  image = share::read_sheet(check_string(L, 1));
  if (!image) return luaL_error(L, "datasheet: malformed data");
  push_plain_copy(L, image->root());
  image = share::ImageRef();
  return 1;
}

}  // namespace

int open_datasheet(lua_State* L) {
  static constexpr luaL_Reg kFunctions[] = {
      {"compile", l_compile},
      {"add", l_add},
      {"replace", l_replace},
      {"query", l_query},
      {"sync", l_sync},
      {"holders", l_holders},
      {"stringpointer", l_stringpointer},
      {"new", l_new},
      {"update", l_update},
      {"undump", l_undump},
      {nullptr, nullptr},
  };
  open_shared_tables(L);
  luaL_newlib(L, kFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
