--- Loads a Lua service. The config key `lualoader` names this file, and its only argument is the service's argument
--- string; the work is done in runtime-src/lua/lua_loader.cc.
require "skynet.loader" (...)
