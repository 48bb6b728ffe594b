// lpeg: the distribution's LPeg, linked into a module per engine (ARCHIVE_lpeg in modules.mk).
#include "lua/engine.h"

extern "C" int archived_open_lpeg(
    lua_State* L);  // luaopen_lpeg in the archive, renamed by the Makefile

namespace runtime::RUNTIME_ENGINE {

int open_lpeg(lua_State* L) { return archived_open_lpeg(L); }

}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(lpeg, open_lpeg)
