#include "lua/code_cache.h"

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lua/ready_code.h"
#include "lua/source_check.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Bytecode in the making or in use. Counted by hand: the functions that hold one are called by Lua,
// and must not have locals with destructors.
struct Code {
  // Each release in release() pairs with the acquire of the last one, which deletes.
  std::atomic<int> users = 1;
  char* data = nullptr;
  std::size_t size = 0;
  std::size_t capacity = 0;

  ~Code() { std::free(data); }

  void release() {
    if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  bool append(const void* bytes, std::size_t count) noexcept {
    if (count > capacity - size) {
      capacity = 2 * capacity + count;
      void* const grown = std::realloc(data, capacity);
      if (grown == nullptr) return false;
      data = static_cast<char*>(grown);
    }
    std::memcpy(data + size, bytes, count);
    size += count;
    return true;
  }
};

class CodeCache {
 public:
  // The code of a file, for the caller to release(); null when there is none. `generation` tells
  // the time of the question to put().
  Code* get(std::string_view name, std::uint64_t* generation) noexcept {
    const std::shared_lock lock(mutex_);
    *generation = generation_;
    const auto found = codes_.find(name);
    if (found == codes_.end()) return nullptr;
    found->second->users.fetch_add(1, std::memory_order_relaxed);
    return found->second;
  }

  // Takes `code` over. What was read before the last clear() is dropped: it may be an older file.
  void put(std::string_view name, Code* code, std::uint64_t generation) noexcept {
    {
      const std::unique_lock lock(mutex_);
      if (generation == generation_ && codes_.try_emplace(std::string(name), code).second) return;
    }
    code->release();
  }

  std::uint64_t generation() noexcept {
    const std::shared_lock lock(mutex_);
    return generation_;
  }

  void clear() noexcept {
    Codes old;
    {
      const std::unique_lock lock(mutex_);
      ++generation_;
      old.swap(codes_);
    }
    for (const auto& [name, code] : old) code->release();
  }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Codes = std::unordered_map<std::string, Code*, Hash, std::equal_to<>>;

  std::shared_mutex mutex_;
  Codes codes_;                   // guarded by mutex_
  std::uint64_t generation_ = 0;  // guarded by mutex_; how many times it was cleared
};

// One for the process: the compiled form of a file does not depend on who asks for it. Never
// destroyed, as services may load files until the last of them ends.
CodeCache& cache() {
  static CodeCache& instance = *new CodeCache;
  return instance;
}

int append_to_code(lua_State*, const void* bytes, std::size_t count, void* code) {
  return static_cast<Code*>(code)->append(bytes, count) ? 0 : 1;
}

// The bytecode of the function at the top, with its names and lines; null when it cannot be dumped.
Code* dump(lua_State* L) {
  Code* const code = new Code;
#ifdef RUNTIME_LUAJIT
  const int status = lua_dump(L, append_to_code, code);
#else
  const int status = lua_dump(L, append_to_code, code, 0);
#endif
  if (status == 0) return code;
  code->release();
  return nullptr;
}

#ifdef RUNTIME_LUAJIT
// "FILE:LINE:" of a compiler's message.
std::string_view place(std::string_view message) {
  const std::size_t colon = message.find_first_of(" \n", message.find(':'));
  return message.substr(0, colon);
}

// What the message at the top does not tell: whether Lua 5.4 reads the source.
void add_hint(lua_State* L, const char* filename) {
  const std::string on_54 = lua54::compile_error(filename);
  if (on_54.empty()) {
    lua_pushliteral(L,
                    "\n\thint: this is LuaJIT, which reads Lua 5.1; the source needs Lua 5.4: name "
                    "its service in the config key 'lua54'");
  } else if (place(on_54) != place(lua_tostring(L, -1))) {
    lua_pushfstring(L, "\n\thint: this is LuaJIT, which reads Lua 5.1; on Lua 5.4: %s", on_54.c_str());
  } else {
    return;
  }
  lua_concat(L, 2);
}
#endif

int compile(lua_State* L, const char* filename, const char* mode) {
  const int status = luaL_loadfilex(L, filename, mode);
#ifdef RUNTIME_LUAJIT
  if (status == LUA_ERRSYNTAX && mode == nullptr && filename != nullptr) add_hint(L, filename);
#endif
  return status;
}

char mode_key, loadfile_key;  // their addresses are registry keys

}  // namespace

CacheMode cache_mode(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &mode_key);
  const auto mode = static_cast<CacheMode>(lua_tointeger(L, -1));  // nil is 0, kOn
  lua_pop(L, 1);
  return mode;
}

void set_cache_mode(lua_State* L, CacheMode mode) {
  lua_pushinteger(L, static_cast<int>(mode));
  lua_rawsetp(L, LUA_REGISTRYINDEX, &mode_key);
}

int load_file(lua_State* L, const char* filename, const char* mode) {
  const CacheMode use = cache_mode(L);
  // What `mode` allows depends on the file, not on the bytecode made of it.
  if (use == CacheMode::kOff || filename == nullptr || mode != nullptr) {
    return compile(L, filename, mode);
  }
  if (take_ready_code(L, filename)) return LUA_OK;
  std::uint64_t generation;
  if (Code* const code = cache().get(filename, &generation)) {
    // The name is of no consequence: the bytecode brings the one it was compiled with.
    const int status = luaL_loadbufferx(L, code->data, code->size, filename, "b");
    code->release();
    if (status == LUA_OK) note_loaded(L, filename);
    return status;
  }
  const int status = compile(L, filename, nullptr);
  if (status != LUA_OK) return status;
  note_loaded(L, filename);
  if (use == CacheMode::kExist) return LUA_OK;
  if (Code* const code = dump(L)) cache().put(filename, code, generation);
  return LUA_OK;
}

void clear_code() { cache().clear(); }
std::uint64_t code_generation() { return cache().generation(); }

int l_loadfile(lua_State* L) {
  const char* filename = luaL_optstring(L, 1, nullptr);
  const char* mode = luaL_optstring(L, 2, nullptr);
  const bool has_env = !lua_isnone(L, 3);
#ifdef RUNTIME_LUAJIT
  if (has_env) luaL_checktype(L, 3, LUA_TTABLE);
#endif
  if (load_file(L, filename, mode) != LUA_OK) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  if (has_env) {
    lua_pushvalue(L, 3);
#ifdef RUNTIME_LUAJIT
    lua_setfenv(L, -2);
#else
    if (lua_setupvalue(L, -2, 1) == nullptr) lua_pop(L, 1);  // a binary chunk without _ENV
#endif
  }
  return 1;
}

void push_loadfile(lua_State* L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &loadfile_key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, l_loadfile);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &loadfile_key);
}

void install_loadfile(lua_State* L) {
  push_loadfile(L);
  lua_setglobal(L, "loadfile");
}

}  // namespace runtime::RUNTIME_ENGINE
