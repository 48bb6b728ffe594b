// require "skynet.stm": a value that one service writes and others read when it has changed.
//
//   writer = stm.new(text)  or  stm.new(msg, size)     takes over msg, from skynet.pack
//   writer(text)  or  writer(msg, size)                replaces the value
//   handle = stm.copy(writer)                          a light userdata for another service, to be used once
//   reader = stm.newcopy(handle)
//   changed, ... = reader(f, extra)                    true and the results of f(msg, size, extra), or false
#include <cstdlib>
#include <cstring>

#include "held.h"
#include "object.h"
#include "share/cell.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

using share::Bytes;
using share::Cell;

struct Writer {
  static constexpr const char* kLuaType = "stm.writer";
  ~Writer() {
    if (cell != nullptr) cell->close();
  }
  std::shared_ptr<Cell> cell;
};

struct Reader {
  static constexpr const char* kLuaType = "stm.reader";
  std::shared_ptr<Cell> cell;
  std::shared_ptr<const Bytes> seen;
};

// The version that f looks at, whatever happens to the reader meanwhile.
struct Look {
  static constexpr const char* kLuaType = "stm.look";
  std::shared_ptr<const Bytes> bytes;
};

// Writes what is at `index`: text, or a pointer and a size.
void write(lua_State* L, int index, Writer* writer) {
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA) {
    const lua_Integer size = luaL_checkinteger(L, index + 1);
    luaL_argcheck(L, size >= 0, index + 1, "a negative size");
    writer->cell->write(lua_touserdata(L, index), static_cast<std::size_t>(size));
    return;
  }
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  void* copy = std::malloc(size + 1);
  if (copy == nullptr) luaL_error(L, "not enough memory");
  std::memcpy(copy, text, size);
  writer->cell->write(copy, size);
}

int l_new(lua_State* L) {
  if (lua_type(L, 1) != LUA_TLIGHTUSERDATA) luaL_checkstring(L, 1);
  Writer& writer = push_object<Writer>(L);
  writer.cell = std::make_shared<Cell>();
  write(L, 1, &writer);
  return 1;
}

int l_write(lua_State* L) {
  write(L, 2, &self<Writer>(L, 1));
  return 0;
}

int l_copy(lua_State* L) {
  lua_pushlightuserdata(L, share::cell_handles().add(self<Writer>(L, 1).cell));
  return 1;
}

int l_newcopy(lua_State* L) {
  luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
  Reader& reader = push_object<Reader>(L);
  reader.cell = share::cell_handles().take(lua_touserdata(L, 1));
  if (reader.cell == nullptr) return luaL_argerror(L, 1, "no handle from stm.copy, or a used one");
  return 1;
}

int l_read(lua_State* L) {
  Reader& reader = self<Reader>(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 3);
  Look& look = push_held<Look>(L);
  look.bytes = reader.cell->read();
  if (look.bytes == nullptr || look.bytes == reader.seen) {
    reader.seen = look.bytes;
    lua_pushboolean(L, 0);
    return 1;
  }
  reader.seen = look.bytes;
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 2);
  lua_pushlightuserdata(L, look.bytes->data);
  lua_pushinteger(L, static_cast<lua_Integer>(look.bytes->size));
  lua_pushvalue(L, 3);
  lua_call(L, 3, LUA_MULTRET);
  look.bytes = nullptr;
  return lua_gettop(L) - 4;
}

// The metatable of T, whose objects can be called.
template <class T>
void define_callable(lua_State* L, lua_CFunction call) {
  static constexpr luaL_Reg kNoMethods[] = {{nullptr, nullptr}};
  define_type<T>(L, kNoMethods);
  luaL_getmetatable(L, T::kLuaType);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, call, 1);
  lua_setfield(L, -2, "__call");
  lua_pop(L, 1);
}

}  // namespace

int open_stm(lua_State* L) {
  static constexpr luaL_Reg kWriterFunctions[] = {
      {"new", l_new}, {"copy", l_copy}, {nullptr, nullptr}};
  static constexpr luaL_Reg kReaderFunctions[] = {{"newcopy", l_newcopy}, {nullptr, nullptr}};
  define_callable<Writer>(L, l_write);
  define_callable<Reader>(L, l_read);
  lua_createtable(L, 0, 3);
  set_functions<Writer>(L, kWriterFunctions);
  set_functions<Reader>(L, kReaderFunctions);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
