// A Lua state in a service, whatever its engine: what the service module `snlua` needs to know of
// it.
#pragma once

#include <memory>
#include <string>

namespace runtime {

class Service;

class LuaHost {
 public:
  // Closes the state: on the worker that releases the service.
  virtual ~LuaHost() = default;

  // From the module's init: the script named in `args` is loaded on a worker, when the service
  // first runs.
  virtual void start(std::string args) = 0;

  // 0: raises "signal 0" in the Lua code that runs now, if any. 1: logs the memory in use. Any
  // thread.
  virtual void signal(int signal) = 0;
};

// One for each engine; defined in lua_service.cc, which is compiled for both.
namespace lua54 {
std::unique_ptr<LuaHost> make_lua_host(Service& service);
}
namespace luajit {
std::unique_ptr<LuaHost> make_lua_host(Service& service);
}

}  // namespace runtime
