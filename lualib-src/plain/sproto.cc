#include "lua/engine.h"

namespace runtime::RUNTIME_ENGINE {

int open_sproto(lua_State* L);  // lua_sproto.cc

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(sproto_core, open_sproto)
