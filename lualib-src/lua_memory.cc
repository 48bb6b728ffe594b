// skynet.memory: what the process's allocator knows, and what each service holds.
#include <iterator>

#include "api/memory.h"
#include "base/allocator.h"
#include "lua/engine.h"
#include "malloc_hook.h"
#include "skynet.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

skynet_context* context_of(lua_State* L) {
  return static_cast<skynet_context*>(lua_touserdata(L, lua_upvalueindex(1)));
}

// Logs why there are no figures, if there are none.
void note_missing(lua_State* L, const char* function) {
  if (!has_allocator_statistics()) skynet_error(context_of(L), "No jemalloc : %s", function);
}

void push_count(lua_State* L, std::uint64_t count) {
  push_int64(L, static_cast<std::int64_t>(count));
}

// bytes = total(): in use in the whole process
int l_total(lua_State* L) {
  push_count(L, allocated_bytes());
  return 1;
}

// count = block(): blocks in use
int l_block(lua_State* L) {
  push_count(L, allocated_blocks());
  return 1;
}

// bytes = current(): C memory of this service
int l_current(lua_State* L) {
  push_int64(L, api::current_memory(context_of(L)));
  return 1;
}

// Pushes a userdata with the memory of all services.
api::ServiceMemory* push_list(lua_State* L, skynet_context* context, std::size_t* count) {
  const std::size_t capacity = api::memory_list_size() + 16;
  auto* const entries = static_cast<api::ServiceMemory*>(
      lua_newuserdatauv(L, capacity * sizeof(api::ServiceMemory), 0));
  *count = api::list_memory(context, entries, capacity);
  return entries;
}

// Pushes { [handle] = bytes, ... }.
void push_memory(lua_State* L, skynet_context* context) {
  std::size_t count;
  const api::ServiceMemory* entries = push_list(L, context, &count);
  lua_createtable(L, 0, static_cast<int>(count));
  for (std::size_t i = 0; i < count; ++i) {
    lua_pushinteger(L, entries[i].service);
    push_int64(L, entries[i].bytes);
    lua_rawset(L, -3);
  }
}

// { [handle] = bytes, ... } = info()
int l_info(lua_State* L) {
  push_memory(L, context_of(L));
  return 1;
}

// dump(): the same into the log
int l_dump(lua_State* L) {
  std::size_t count;
  skynet_context* const context = context_of(L);
  const api::ServiceMemory* entries = push_list(L, context, &count);
  skynet_error(context, "dump all service mem:");
  std::int64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    total += entries[i].bytes;
    skynet_error(context, ":%08x -> %lldkB", entries[i].service,
                 static_cast<long long>(entries[i].bytes >> 10));
  }
  skynet_error(context, "+total: %lldkB", static_cast<long long>(total >> 10));
  return 0;
}

// { ["stats.allocated"] = bytes, ... } = jestat()
int l_jestat(lua_State* L) {
  constexpr const char* kNames[] = {"stats.allocated", "stats.resident", "stats.retained",
                                    "stats.mapped", "stats.active"};
  note_missing(L, "jestat");
  lua_createtable(L, 0, static_cast<int>(std::size(kNames)));
  for (const char* name : kNames) {
    push_count(L, allocator_value(name).value_or(0));
    lua_setfield(L, -2, name);
  }
  return 1;
}

// value = mallctl(name): 0 for a name that jemalloc does not know
int l_mallctl(lua_State* L) {
  const char* name = luaL_checkstring(L, 1);
  note_missing(L, "mallctl");
  push_count(L, allocator_value(name).value_or(0));
  return 1;
}

// dumpinfo([options]): jemalloc's report on stderr
int l_dumpinfo(lua_State* L) {
  const char* options = luaL_optstring(L, 1, nullptr);
  note_missing(L, "dumpinfo");
  print_allocator_report(options);
  return 0;
}

// dumpheap(): writes the heap profile, if profiling is built in
int l_dumpheap(lua_State* L) {
  note_missing(L, "dumpheap");
  if (has_allocator_statistics() && !dump_heap_profile()) {
    skynet_error(context_of(L), "No heap profile: jemalloc is built or runs without profiling");
  }
  return 0;
}

// active = profactive([on])
int l_profactive(lua_State* L) {
  note_missing(L, "profactive");
  if (!lua_isnoneornil(L, 1)) set_heap_profiling(lua_toboolean(L, 1));
  lua_pushboolean(L, heap_profiling());
  return 1;
}

}  // namespace

#ifdef RUNTIME_LUA54
// malloc_hook.h. Services in C that have a state of their own call it as well.
extern "C" __attribute__((visibility("default"))) int dump_mem_lua(lua_State* L) {
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  void* const context = lua_touserdata(L, -1);
  lua_pop(L, 1);
  push_memory(L, static_cast<skynet_context*>(context));
  return 1;
}
#endif

int open_memory(lua_State* L) {
  const luaL_Reg functions[] = {
      {"total", l_total},       {"block", l_block},
      {"current", l_current},   {"info", l_info},
      {"dump", l_dump},         {"jestat", l_jestat},
      {"mallctl", l_mallctl},   {"dumpinfo", l_dumpinfo},
      {"dumpheap", l_dumpheap}, {"profactive", l_profactive},
      {nullptr, nullptr},
  };
  luaL_newlibtable(L, functions);
  lua_getfield(L, LUA_REGISTRYINDEX, "skynet_context");
  luaL_setfuncs(L, functions, 1);
  return 1;
}

}  // namespace runtime::RUNTIME_ENGINE
