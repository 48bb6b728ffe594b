#include "lua/ready_code.h"

#include "lua/code_cache.h"
#include "lua/shared_api.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Its address is the key in the registry: a table with the functions by their files, and at kGeneration the code cache's
// generation; or, while files are recorded, the FileNames.
char key;
constexpr int kGeneration = 1;

int count_loaded(lua_State* L) {
  int count = 0;
  lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); stock_lua_next(L, -2) != 0; lua_pop(L, 1)) ++count;
  lua_pop(L, 1);
  return count;
}

void note(FileNames& files, const char* file) noexcept { files.emplace_back(file); }

}  // namespace

void make_code_ready(lua_State* L, std::span<const std::string> files) {
  if (files.empty()) return;
  const int loaded = count_loaded(L);
  lua_newtable(L);
  lua_pushnumber(L, static_cast<lua_Number>(code_generation()));
  lua_rawseti(L, -2, kGeneration);
  for (const std::string& file : files) {
    if (load_file(L, file.c_str()) != LUA_OK) lua_error(L);
    lua_setfield(L, -2, file.c_str());
  }
  // A constant of the FFI opens that library.
  if (count_loaded(L) != loaded) luaL_error(L, "the files have loaded a module");
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

bool take_ready_code(lua_State* L, const char* file) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, kGeneration);
    const bool fresh = lua_tonumber(L, -1) == static_cast<lua_Number>(code_generation());
    lua_pop(L, 1);
    lua_getfield(L, -1, file);
    if (fresh && lua_isfunction(L, -1)) {
      lua_pushnil(L);
      lua_setfield(L, -3, file);
      lua_remove(L, -2);
      return true;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return false;
}

void note_loaded(lua_State* L, const char* file) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  if (lua_islightuserdata(L, -1)) note(*static_cast<FileNames*>(lua_touserdata(L, -1)), file);
  lua_pop(L, 1);
}

void record_files(lua_State* L, FileNames* files) {
  lua_pushlightuserdata(L, files);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

void end_ready_code(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  const bool is_there = !lua_isnil(L, -1);
  lua_pop(L, 1);
  if (!is_there) return;  // to set it might need memory
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
}

}  // namespace runtime::RUNTIME_ENGINE
