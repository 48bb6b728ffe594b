#include "shared_references.h"

#include <unordered_set>

#include "held.h"
#include "lua/shared_api.h"
#include "shared_table.h"

namespace runtime::RUNTIME_ENGINE {
namespace {

// What was seen already, by address, in a userdata.
struct Seen {
  static constexpr const char* kLuaType = "shared.seen";
  std::unordered_set<const void*> objects;
};

class Walk {
 public:
  Walk(lua_State* L, int replacements) : L_(L), replacements_(replacements) {
    luaL_checkstack(L, 20, nullptr);
    seen_ = &push_held<Seen>(L);
    lua_newtable(L);
    queue_ = lua_gettop(L);
    seen_->objects.insert(lua_topointer(L, replacements));
    seen_->objects.insert(lua_topointer(L, queue_));
    // What the faces themselves consist of stays as it is.
    push_shared_spaces(L);
    seen_->objects.insert(lua_topointer(L, -1));
    lua_pop(L, 1);
  }

  void run() {
    lua_pushthread(L_);
    visit();
    lua_pushvalue(L_, LUA_REGISTRYINDEX);
    visit();
    for (int i = 1; i <= queued_; ++i) {
      lua_rawgeti(L_, queue_, i);
      lua_pushnil(L_);
      lua_rawseti(L_, queue_, i);
      const int object = lua_gettop(L_);
      switch (lua_type(L_, object)) {
        case LUA_TTABLE: walk_table(object); break;
        case LUA_TFUNCTION: walk_function(object); break;
        case LUA_TUSERDATA: walk_userdata(object); break;
        default: walk_thread(lua_tothread(L_, object));
      }
      lua_settop(L_, queue_);
    }
  }

 private:
  // Pops a value; one that may lead to others waits for its turn. Shared tables lead to nothing.
  void visit() {
    const int type = lua_type(L_, -1);
    const bool leads_on =
        type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD;
    if (leads_on && shared_node(L_, -1) == nullptr &&
        seen_->objects.insert(lua_topointer(L_, -1)).second) {
      lua_rawseti(L_, queue_, ++queued_);
    } else {
      lua_pop(L_, 1);
    }
  }

  // If the value on top is to be replaced, does that and gives true; otherwise visits it. Pops it
  // then.
  bool replace() {
    if (shared_node(L_, -1) != nullptr) {
      lua_pushvalue(L_, -1);
      stock_lua_rawget(L_, replacements_);
      if (!lua_isnil(L_, -1)) {
        lua_remove(L_, -2);
        if (lua_type(L_, -1) == LUA_TBOOLEAN) {
          lua_pop(L_, 1);
          lua_pushnil(L_);
        }
        return true;
      }
      lua_pop(L_, 1);
    }
    visit();
    return false;
  }

  void walk_metatable(int object) {
    if (!stock_lua_getmetatable(L_, object)) return;
    if (replace()) stock_lua_setmetatable(L_, object);
  }

  void walk_table(int table) {
    walk_metatable(table);
    lua_newtable(L_);  // pairs that get a new key: key, value, key, value, ...
    const int pending = lua_gettop(L_);
    int pairs = 0;
    lua_pushnil(L_);
    while (stock_lua_next(L_, table)) {
      const int key = lua_gettop(L_) - 1;
      if (replace()) {
        lua_pushvalue(L_, key);
        lua_insert(L_, -2);
        stock_lua_rawset(L_, table);
      }
      lua_pushvalue(L_, key);
      if (!replace()) continue;
      if (!lua_isnil(L_, -1)) {
        lua_rawseti(L_, pending, ++pairs);
        lua_pushvalue(L_, key);
        stock_lua_rawget(L_, table);
        lua_rawseti(L_, pending, ++pairs);
      }
      lua_settop(L_, key);
      lua_pushvalue(L_, key);
      lua_pushnil(L_);
      stock_lua_rawset(L_, table);
    }
    for (int i = 1; i < pairs; i += 2) {
      lua_rawgeti(L_, pending, i);
      lua_rawgeti(L_, pending, i + 1);
      stock_lua_rawset(L_, table);
    }
  }

  void walk_function(int function) {
    for (int i = 1; lua_getupvalue(L_, function, i) != nullptr; ++i) {
      if (replace()) lua_setupvalue(L_, function, i);
    }
    walk_environment(function);
  }

  void walk_userdata(int object) {
    walk_metatable(object);
#ifdef RUNTIME_LUA54
    for (int i = 1; lua_getiuservalue(L_, object, i) != LUA_TNONE; ++i) {
      if (replace()) lua_setiuservalue(L_, object, i);
    }
    lua_pop(L_, 1);
#endif
    walk_environment(object);
  }

  void walk_environment([[maybe_unused]] int object) {
#ifdef RUNTIME_LUAJIT
    lua_getfenv(L_, object);
    visit();
#endif
  }

  void walk_thread(lua_State* thread) {
    if (thread != L_) {
      if (!lua_checkstack(thread, 2)) luaL_error(L_, "a stack is full");
      const int top = lua_gettop(thread);
      for (int i = 1; i <= top; ++i) {
        lua_pushvalue(thread, i);
        lua_xmove(thread, L_, 1);
        if (!replace()) continue;
        lua_xmove(L_, thread, 1);
        lua_replace(thread, i);
      }
    }
    lua_Debug frame;
    // The first two levels of the running thread are l_walk and the function that called this.
    for (int level = thread == L_ ? 2 : 0; lua_getstack(thread, level, &frame); ++level) {
      for (const int step : {1, -1}) {
        for (int i = step; lua_getlocal(thread, &frame, i) != nullptr; i += step) {
          if (thread != L_) lua_xmove(thread, L_, 1);
          if (!replace()) continue;
          if (thread != L_) lua_xmove(L_, thread, 1);
          lua_setlocal(thread, &frame, i);
        }
      }
    }
  }

  lua_State* L_;
  const int replacements_;
  Seen* seen_;
  int queue_;
  int queued_ = 0;
};

static_assert(std::is_trivially_destructible_v<Walk>);

int l_walk(lua_State* L) {
  Walk(L, 1).run();
  return 0;
}

}  // namespace

void replace_shared_references(lua_State* L, int replacements) {
  replacements = lua_absindex(L, replacements);
  // A finalizer could change a table in the middle of its traversal.
  const int running = lua_gc(L, LUA_GCISRUNNING, 0);
  lua_gc(L, LUA_GCSTOP, 0);
  lua_pushcfunction(L, l_walk);
  lua_pushvalue(L, replacements);
  const int status = lua_pcall(L, 1, 0, 0);
  if (running) lua_gc(L, LUA_GCRESTART, 0);
  if (status != LUA_OK) lua_error(L);
#ifdef RUNTIME_LUAJIT
  // Compiled code has the values of upvalues that are never assigned in it.
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
#endif
}

}  // namespace runtime::RUNTIME_ENGINE
