// require "snapshot": a function that lists every table, full userdata, closure and thread that can
// be reached from the registry.
//
//   for address, text in pairs(snapshot()) do ... end
//
// `address` is a light userdata. The first line of `text` says what the object is, each further
// line is one parent: "0xADDRESS : how it refers to the object". Only the public C API is used, so
// this works on any engine. The snapshot does not contain what it makes itself.
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "held.h"
#include "lua/engine.h"
#include "lua/shared_api.h"
#include "object_map.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

struct Snapshot {
  static constexpr const char* kLuaType = "snapshot.map";
  ObjectMap map;
};

// As tostring() writes it, so that programs find a parent by the text of its key. LuaJIT writes 8
// or 12 digits, the C library as few as it needs.
std::string format_address(const void* address) {
  char text[32];
#ifdef RUNTIME_LUAJIT
  const auto number = reinterpret_cast<unsigned long long>(address);
  if (number != 0) {
    std::snprintf(text, sizeof(text), "0x%0*llx", number >> 32 != 0 ? 12 : 8, number);
    return text;
  }
#endif
  std::snprintf(text, sizeof(text), "%p", address);
  return text;
}

// The state of one walk. Objects that are found wait in a Lua list at `queue` on the stack, as the
// traversal of deep structures must not need deep C or Lua stacks.
struct Walk {
  lua_State* L;
  ObjectMap* map;
  int queue;
  int first = 1;
  int last = 0;
};

// The functions below own strings, so they call nothing that may raise.

void describe_function(ObjectMap* map, const void* object, const lua_Debug& info) noexcept {
  if (std::strcmp(info.what, "C") == 0) {
    map->describe(object, "cfunction");
  } else {
    map->describe(object,
                  std::string("func: ") + info.short_src + ":" + std::to_string(info.linedefined));
  }
}

void describe_frame(ObjectMap* map, const void* thread, const lua_Debug& frame) noexcept {
  map->describe(thread, frame.short_src);
  if (frame.currentline > 0) map->describe(thread, ":" + std::to_string(frame.currentline));
  map->describe(thread, " ");
}

bool refer_from_frame(ObjectMap* map, const void* object, const void* thread, const char* name,
                      const lua_Debug& frame) noexcept {
  return map->refer(
      object, thread,
      std::string(name) + " : " + frame.short_src + ":" + std::to_string(frame.currentline));
}

// Whether the value on top is one that snapshots list.
bool is_listed(lua_State* L) {
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
    case LUA_TUSERDATA:
    case LUA_TTHREAD: return true;
    case LUA_TFUNCTION:
      if (!lua_iscfunction(L, -1)) return true;
      if (lua_getupvalue(L, -1, 1) == nullptr) return false;
      lua_pop(L, 1);
      return true;
    default: return false;
  }
}

// Pops a value that was just referred to; if it is new, it waits for its turn.
void finish(Walk* walk, bool is_new) {
  if (is_new) {
    lua_rawseti(walk->L, walk->queue, ++walk->last);
  } else {
    lua_pop(walk->L, 1);
  }
}

// Pops the value on top, to which `parent` refers as `description`.
void refer(Walk* walk, const void* parent, const char* description) {
  lua_State* L = walk->L;
  const bool is_new = is_listed(L) && walk->map->refer(lua_topointer(L, -1), parent, description);
  finish(walk, is_new);
}

// Writes how a table refers to the value at the key at `index`. A string key is used as it is.
const char* describe_key(lua_State* L, int index, char* buffer, std::size_t size) {
  switch (lua_type(L, index)) {
    case LUA_TSTRING: return lua_tostring(L, index);
    case LUA_TNUMBER:
      std::snprintf(buffer, size, "[%g]", static_cast<double>(lua_tonumber(L, index)));
      break;
    case LUA_TBOOLEAN:
      std::snprintf(buffer, size, "[%s]", lua_toboolean(L, index) ? "true" : "false");
      break;
    default:
      std::snprintf(buffer, size, "[%s:%p]", lua_typename(L, lua_type(L, index)),
                    lua_topointer(L, index));
  }
  return buffer;
}

void walk_metatable(Walk* walk, int object, const void* address) {
  if (!lua_getmetatable(walk->L, object)) return;
  refer(walk, address, "[metatable]");
}

void walk_table(Walk* walk, int table, const void* address) {
  lua_State* L = walk->L;
  walk->map->describe(address, "table");
  // Shared by all services, and no part of this one: to walk into it would make it one.
  if (runtime_is_shared_table != nullptr && runtime_is_shared_table(L, table)) return;
  bool weak_keys = false;
  bool weak_values = false;
  if (lua_getmetatable(L, table)) {
    lua_pushliteral(L, "__mode");
    lua_rawget(L, -2);
    if (lua_type(L, -1) == LUA_TSTRING) {
      weak_keys = std::strchr(lua_tostring(L, -1), 'k') != nullptr;
      weak_values = std::strchr(lua_tostring(L, -1), 'v') != nullptr;
    }
    lua_pop(L, 1);
    refer(walk, address, "[metatable]");
  }
  char buffer[64];
  lua_pushnil(L);
  while (lua_next(L, table)) {
    if (weak_values) {
      lua_pop(L, 1);
    } else {
      refer(walk, address, describe_key(L, -2, buffer, sizeof(buffer)));
    }
    if (weak_keys) continue;
    lua_pushvalue(L, -1);
    refer(walk, address, "[key]");
  }
}

void walk_userdata(Walk* walk, int object, const void* address) {
  lua_State* L = walk->L;
  walk->map->describe(address, "userdata");
  walk_metatable(walk, object, address);
#ifdef RUNTIME_LUAJIT
  lua_getfenv(L, object);
  if (lua_rawequal(L, -1, LUA_GLOBALSINDEX)) {
    lua_pop(L, 1);
  } else {
    refer(walk, address, "[uservalue]");
  }
#else
  int i = 1;
  while (lua_getiuservalue(L, object, i++) != LUA_TNONE) refer(walk, address, "[uservalue]");
  lua_pop(L, 1);
#endif
}

void walk_function(Walk* walk, int function, const void* address) {
  lua_State* L = walk->L;
  lua_Debug info;
  lua_pushvalue(L, function);
  lua_getinfo(L, ">S", &info);
  describe_function(walk->map, address, info);
  for (int i = 1;; ++i) {
    const char* name = lua_getupvalue(L, function, i);
    if (name == nullptr) break;
    // C functions have upvalues named "", functions without debug information "(no name)".
    refer(walk, address, name[0] == '\0' || name[0] == '(' ? "[upvalue]" : name);
  }
#ifdef RUNTIME_LUAJIT
  lua_getfenv(L, function);
  if (lua_rawequal(L, -1, LUA_GLOBALSINDEX)) {
    lua_pop(L, 1);
  } else {
    refer(walk, address, "[environment]");
  }
#endif
}

// Refers to what the frame holds: either its named locals, or the rest (temporaries, varargs).
void walk_frame(Walk* walk, lua_State* thread, lua_Debug* frame, bool named) {
  lua_State* L = walk->L;
  for (const int step : {1, -1}) {
    for (int i = step;; i += step) {
      const char* name = lua_getlocal(thread, frame, i);
      if (name == nullptr) break;
      if (thread != L) lua_xmove(thread, L, 1);
      const bool wanted = (name[0] != '(') == named && is_listed(L);
      finish(walk,
             wanted && refer_from_frame(walk->map, lua_topointer(L, -1), thread, name, *frame));
    }
  }
}

void walk_thread(Walk* walk, lua_State* thread) {
  lua_State* L = walk->L;
  // The running thread's first two levels are l_walk and l_snapshot.
  const int first_level = thread == L ? 2 : 0;
  lua_Debug frame;
  for (int level = first_level; lua_getstack(thread, level, &frame); ++level) {
    lua_getinfo(thread, "Sl", &frame);
    describe_frame(walk->map, thread, frame);
  }
  walk->map->describe(thread, "thread: ");
  if (thread != L) {
    if (!lua_checkstack(thread, 1)) luaL_error(L, "snapshot: a stack is full");
    const int top = lua_gettop(thread);
    char description[32];
    for (int i = 1; i <= top; ++i) {
      lua_pushvalue(thread, i);
      lua_xmove(thread, L, 1);
      std::snprintf(description, sizeof(description), "[%d]", i);
      refer(walk, thread, description);
    }
  }
  // The last description wins, so the names come last.
  for (const bool named : {false, true}) {
    for (int level = first_level; lua_getstack(thread, level, &frame); ++level) {
      lua_getinfo(thread, "Sl", &frame);
      walk_frame(walk, thread, &frame, named);
    }
  }
}

// (map): walks the whole state.
int l_walk(lua_State* L) {
  Walk walk{L, static_cast<ObjectMap*>(lua_touserdata(L, 1)), 2};
  lua_settop(L, 1);
  lua_newtable(L);
  luaL_checkstack(L, LUA_MINSTACK, "snapshot");
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  refer(&walk, nullptr, "[registry]");
  for (; walk.first <= walk.last; ++walk.first) {
    lua_rawgeti(L, walk.queue, walk.first);
    lua_pushnil(L);
    lua_rawseti(L, walk.queue, walk.first);
    const int object = lua_gettop(L);
    const void* address = lua_topointer(L, object);
    switch (lua_type(L, object)) {
      case LUA_TTABLE: walk_table(&walk, object, address); break;
      case LUA_TUSERDATA: walk_userdata(&walk, object, address); break;
      case LUA_TFUNCTION: walk_function(&walk, object, address); break;
      default: walk_thread(&walk, lua_tothread(L, object));
    }
    lua_settop(L, object - 1);
  }
  return 0;
}

int l_snapshot(lua_State* L) {
  lua_settop(L, 0);
  ObjectMap& map = push_held<Snapshot>(L).map;

  // A finalizer that ran meanwhile could change tables under the traversal.
  const int running = lua_gc(L, LUA_GCISRUNNING, 0);
  lua_gc(L, LUA_GCSTOP, 0);
  lua_pushcfunction(L, l_walk);
  lua_pushlightuserdata(L, &map);
  const int status = lua_pcall(L, 1, 0, 0);
  if (running) lua_gc(L, LUA_GCRESTART, 0);
  if (status != LUA_OK) return lua_error(L);

  lua_createtable(L, 0, static_cast<int>(map.size()));
  for (std::size_t i = 0; i < map.size(); ++i) {
    lua_pushlightuserdata(L, const_cast<void*>(map.address(i)));
    const std::string_view text = map.text(i, format_address);
    lua_pushlstring(L, text.data(), text.size());
    lua_rawset(L, 2);
  }
  return 1;
}

int open_snapshot(lua_State* L) {
  lua_pushcfunction(L, l_snapshot);
  return 1;
}

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(snapshot, open_snapshot)
