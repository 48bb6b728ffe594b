#include "lua/state_image.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "lua/jit_heat.h"
#include "lua/lua_state.h"
#include "lua/profiler.h"
#include "lua/ready_modules.h"
#include "lua/shared_api.h"
#include "lua/start_records.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// Those for one config.
struct Made {
  std::shared_ptr<const StateImage> image;  // of services that have none of their own
  StartRecords starts;
};

// One for the process, as the code cache is.
struct Images {
  std::shared_mutex mutex;
  std::map<std::string, Made, std::less<>> made;  // guarded by mutex
  std::uint64_t generation = 0;                   // guarded by mutex

  // What was made when the question was asked; null if that has been cleared. With the mutex locked.
  Made* made_for(const ImageQuestion& question) {
    if (question.generation != generation) return nullptr;
    const auto found = made.find(question.config);
    return found == made.end() ? nullptr : &found->second;
  }
};

Images& images() {
  static Images& instance = *new Images;
  return instance;
}

// What fill_state() reads of the config.
std::string config_of(const Environment& environment) {
  std::string config;
  for (const char* key : {"lua_path", "lua_cpath", "luaservice", "lualoader", "preload"}) {
    if (const char* const value = environment.get(key)) config += value;
    config += '\0';
  }
  return config;
}

// A value of LuaJIT is a pointer of 47 bits below its type, 4 (string) to 12 (userdata) for what the
// collector owns, in one's complement (lj_obj.h, "64 bit TValue"); other pointers have 0 there.
std::uintptr_t address_of(std::uint64_t word) {
#ifdef RUNTIME_LUAJIT
  constexpr int kPointerBits = 47;
  const std::uint64_t tag = word >> kPointerBits, type = tag ^ 0x1ffff;
  if (tag != 0 && (type < 4 || type > 12)) return 0;
  word &= (std::uint64_t{1} << kPointerBits) - 1;
#endif
  return word;
}

// Pushes the value on top on the list `todo` if it is one that has values in it and is not yet in
// the table `seen`; pops it in any case.
void visit(lua_State* L, int seen, int todo, const RecordedBlocks& blocks) {
  const int type = lua_type(L, -1);
  // LuaJIT stores parts of the address, so it would go on to point into the original.
  if (type == LUA_TLIGHTUSERDATA && blocks.contains(lua_touserdata(L, -1)))
    luaL_error(L, "a light userdata points into the heap");
  if (type != LUA_TTABLE && type != LUA_TFUNCTION && type != LUA_TUSERDATA) return lua_pop(L, 1);
  lua_pushvalue(L, -1);
  stock_lua_rawget(L, seen);
  const bool known = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  if (known) return lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_pushboolean(L, 1);
  stock_lua_rawset(L, seen);
  lua_rawseti(L, todo, static_cast<int>(lua_rawlen(L, todo)) + 1);
}

// The value of an upvalue lies, in Lua 5.4, where a pointer lay before its function returned, and its
// type is the lowest byte of that (lobject.h, UpVal). The other bytes go: in a copy, where they were
// taken for a pointer, the type would be another one. Raises if upvalues look different.
void wipe_upvalue([[maybe_unused]] lua_State* L, [[maybe_unused]] int function,
                  [[maybe_unused]] int upvalue) {
#ifdef RUNTIME_LUA54
  if (lua_iscfunction(L, function)) return;  // it has the value itself
  constexpr std::size_t kPointer = 16, kValue = 24, kType = 32, kSize = 40;
  auto* const block = static_cast<char*>(lua_upvalueid(L, function, upvalue));
  const char* points_to;
  std::memcpy(&points_to, block + kPointer, sizeof points_to);
  if (points_to != block + kValue) luaL_error(L, "an upvalue is not as in lobject.h");
  std::memset(block + kType + 1, 0, kSize - kType - 1);
#endif
}

// Raises when there is something that a copy of the heap would get wrong: a table with objects as
// keys, or a light userdata of LuaJIT. The table's order depends on where they lie, and in a copy they
// lie elsewhere.
void check_values(lua_State* L, const RecordedBlocks& blocks) {
  luaL_checkstack(L, 12, nullptr);
  lua_newtable(L);
  const int seen = lua_gettop(L);
  lua_newtable(L);
  const int todo = seen + 1;
  const int object = todo + 1;
  lua_pushvalue(L, LUA_REGISTRYINDEX);
  visit(L, seen, todo, blocks);
  lua_pushglobaltable(L);
  visit(L, seen, todo, blocks);
  lua_pushliteral(L, "");
  if (stock_lua_getmetatable(L, -1)) visit(L, seen, todo, blocks);
  lua_settop(L, todo);
  for (int count; (count = static_cast<int>(lua_rawlen(L, todo))) > 0; lua_settop(L, todo)) {
    lua_rawgeti(L, todo, count);
    lua_pushnil(L);
    lua_rawseti(L, todo, count);
    if (stock_lua_getmetatable(L, object)) visit(L, seen, todo, blocks);
    if (lua_isfunction(L, object)) {
      for (int i = 1; lua_getupvalue(L, object, i) != nullptr; ++i) {
        visit(L, seen, todo, blocks);
        wipe_upvalue(L, object, i);
      }
    } else if (lua_istable(L, object)) {
      for (lua_pushnil(L); stock_lua_next(L, object) != 0;) {
        visit(L, seen, todo, blocks);
        const int key = lua_type(L, -1);
        if (key == LUA_TTABLE || key == LUA_TFUNCTION || key == LUA_TTHREAD || key == LUA_TUSERDATA)
          luaL_error(L, "a table has a %s as a key", lua_typename(L, key));
      }
    }
  }
  lua_settop(L, seen - 1);
}

// A full collection, which shrinks the stack to a small multiple of what is used. To grow it again, when a service is
// loaded, would leave a block behind that little fits into: so many values are on it meanwhile that it stays.
void collect_with_room(lua_State* L) {
  constexpr int kStackUsed = 22;
  const int top = lua_gettop(L);
  luaL_checkstack(L, kStackUsed, nullptr);
  lua_settop(L, std::max(top, kStackUsed));
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_settop(L, top);
}

// What the messages of most services use.
constexpr const char* kCommon[] = {"send", "call", "ret",  "retpack", "response", "pack", "unpack",
                                   "self", "now",  "fork", "timeout", "sleep",    "wait", "wakeup"};

// Finds the table of `skynet` and these of its functions, with their names.
int l_find_common(lua_State* L) {
  auto& places = *static_cast<std::vector<HeapImage::Place>*>(lua_touserdata(L, 1));
  push_ready_value(L, "skynet");
  if (!lua_istable(L, -1)) return 0;
  // A function of 48 bytes behind the header of the part, then the table of 64: on LuaJIT both fill their lines.
  lua_getfield(L, -1, kCommon[0]);
  places.push_back({lua_topointer(L, -1), false});
  lua_pop(L, 1);
  places.push_back({lua_topointer(L, -1), true});
  for (const char* const name : kCommon) {
    lua_pushstring(L, name);
    places.push_back({lua_tostring(L, -1), false});
    lua_rawget(L, -2);
    if (lua_isfunction(L, -1)) places.push_back({lua_topointer(L, -1), true});
    lua_pop(L, 1);
  }
  return 0;
}

}  // namespace

std::shared_ptr<const StateImage> find_image(const Environment& environment,
                                             std::string_view service, ImageQuestion* question) {
  question->config = config_of(environment);
  question->service = service;
  Images& all = images();
  {
    const std::shared_lock lock(all.mutex);
    question->generation = all.generation;
    const Made* const made = all.made_for(*question);
    if (made == nullptr) return nullptr;
    if (made->image->heap == nullptr) return made->image;
    const StartRecords::Record* const record = made->starts.find(service);
    if (record != nullptr && record->image != nullptr) return record->image;
    question->wants_files = made->starts.wants_files(service);
    if (!made->starts.is_due(service)) return made->image;
  }
  const std::unique_lock lock(all.mutex);
  Made* const made = all.made_for(*question);
  if (made == nullptr) return nullptr;
  question->files = made->starts.decide(service);
  return made->image;
}

void put_image(const ImageQuestion& question, std::shared_ptr<const StateImage> image) {
  Images& all = images();
  const std::unique_lock lock(all.mutex);
  if (question.generation == all.generation)
    all.made.try_emplace(question.config, Made{std::move(image), {}});
}

void put_service_image(const ImageQuestion& question, std::shared_ptr<const StateImage> image) {
  Images& all = images();
  const std::unique_lock lock(all.mutex);
  if (Made* const made = all.made_for(question))
    made->starts.put(question.service, std::move(image));
}

void note_start(const ImageQuestion& question, FileNames files) {
  Images& all = images();
  const std::unique_lock lock(all.mutex);
  if (Made* const made = all.made_for(question))
    made->starts.note(question.service, std::move(files));
}

void clear_images() {
  Images& all = images();
  const std::unique_lock lock(all.mutex);
  ++all.generation;
  all.made.clear();
}

void fill_state(lua_State* L, const Environment& environment, bool with_skynet,
                const FileNames& files, const RecordedBlocks* blocks) {
  lua_gc(L, LUA_GCSTOP, 0);
  open_service_libraries(L, environment);
#ifdef RUNTIME_LUAJIT
  // Machine code lies outside of the heap.
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
#endif
  Profiler::of(L);
  if (with_skynet) {
    make_skynet_ready(L);
    set_search_paths(L, environment);
  }
#ifdef RUNTIME_LUAJIT
  // The table of strings doubles when there are 256, and shrinks only when 127 are left.
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_gc(L, LUA_GCSTOP, 0);
#endif
  make_code_ready(L, files);
#ifdef RUNTIME_LUAJIT
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_ON);
#endif
  if (blocks != nullptr) check_values(L, *blocks);
  collect_with_room(L);
#ifdef RUNTIME_LUA54
  lua_gc(L, LUA_GCGEN, 0, 0);
#endif
}

std::shared_ptr<const StateImage> take_image(lua_State* L, const RecordedBlocks& blocks) {
  HeapImage::Wishes wishes;
  wishes.first.push_back({L, false});
  // Without memory for that they lie elsewhere.
  call_protected(L, l_find_common, &wishes.first);
#ifdef RUNTIME_LUAJIT
  wishes.constant = JitHeat::interpreter_table(L);
#endif
  return std::make_shared<const StateImage>(HeapImage::take(blocks, address_of, wishes), L);
}

}  // namespace runtime::RUNTIME_ENGINE
