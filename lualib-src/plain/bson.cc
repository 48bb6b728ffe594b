#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

int open_bson(lua_State* L);  // lua_bson.cc

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(bson, open_bson)
