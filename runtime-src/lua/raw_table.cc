#include "lua/raw_table.h"

#include "lua/engine_probe.h"
#include "lua/raw_stack.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// The value at `index`, by the interface, against the same one as it is kept.
bool is_same(lua_State* L, int index, const RawValue& value) {
  switch (lua_type(L, index)) {
    case LUA_TNIL: return value.kind() == RawKind::nil && value.is_nil();
    case LUA_TBOOLEAN:
      return value.kind() == RawKind::boolean && value.boolean() == lua_toboolean(L, index);
    case LUA_TNUMBER:
      if (value.kind() == RawKind::integer) return value.integer() == lua_tointeger(L, index);
      return value.kind() == RawKind::real && value.real() == lua_tonumber(L, index);
    case LUA_TSTRING: {
      const std::string_view text = check_string(L, index);
      return value.kind() == RawKind::string && value.text().data() == text.data() &&
             value.text().size() == text.size();
    }
    case LUA_TTABLE:
      return value.kind() == RawKind::table && &value.table() == &raw_table(L, index);
    default:
      return value.kind() == RawKind::other && value.is_pointer() == lua_islightuserdata(L, index);
  }
}

bool strings_are_known(lua_State* L) {
  const std::string_view text = check_string(L, -1);
  return static_cast<const char*>(lua_topointer(L, -1)) + sizeof(RawString) == text.data();
}

// An empty table with room for 5 values and 3 pairs: no reference of it is followed.
bool table_is_known(lua_State* L) {
  lua_gc(L, LUA_GCCOLLECT, 0);
  lua_createtable(L, 5, 3);
  lua_createtable(L, 0, 0);
  const RawTable& table = raw_table(L, -2);
  if (table.array_size() != 5 || table.entry_count() != 4 || table.has_metatable()) return false;
  if (table.free_entries() != 4 || !table.is_new()) return false;
  lua_pushvalue(L, -1);
  lua_setmetatable(L, -3);
  return table.metatable() == lua_topointer(L, -1);
}

// The table at `index` has key 0, its array, and its entries, in the order of lua_next().
bool contents_are_known(lua_State* L, int index) {
  const RawTable& table = raw_table(L, index);
  const auto is_next = [&](const RawValue& value) {
    if (!lua_next(L, index)) return false;
    const bool same = is_same(L, -1, value);
    lua_pop(L, 1);
    return same;
  };
  lua_pushnil(L);
  if (has_zero(table) && (!is_next(*table.zero()) || lua_tointeger(L, -1) != 0)) return false;
  for (std::size_t i = 0; i < table.array_size(); ++i) {
    const RawValue& value = table.array()[i];
    if (!value.is_nil() && (!is_next(value) || lua_tointeger(L, -1) != static_cast<int>(i) + 1))
      return false;
  }
  for (std::size_t i = 0; i < table.entry_count(); ++i) {
    const RawEntry& entry = table.entries()[i];
    if (!entry.is_empty() && (!is_next(entry.value()) || !is_same(L, -1, entry.key())))
      return false;
  }
  return !lua_next(L, index);
}

// The table at `index` has its strings where they are looked for.
bool strings_are_found(lua_State* L, int index) {
  const RawTable& table = raw_table(L, index);
  for (std::size_t i = 0; i < table.entry_count(); ++i) {
    const RawEntry& entry = table.entries()[i];
    const RawValue key = entry.key();
    if (entry.is_empty() || key.kind() != RawKind::string || !key.is_interned()) continue;
    if (table.find(key) != &entry) return false;
  }
  lua_pushliteral(L, "none of them");
  return table.find(RawValue::of_string(lua_topointer(L, -1))) == nullptr;
}

// The stack of the running function, and of a coroutine that does not run, as values come and go.
bool stack_is_known(lua_State* L) {
  lua_State* const co = lua_newthread(L);
  for (lua_State* const thread : {L, co}) {
    const int before = lua_gettop(thread);
    const RawThread& raw = raw_thread(thread);
    for (int i = 1; i <= 3; ++i) {
      lua_pushnumber(thread, i + 0.5);
      if (raw.top - raw.base() != before + i ||
          raw.base()[before + i - 1].kind() != RawKind::real ||
          raw.base()[before + i - 1].real() != i + 0.5)
        return false;
    }
    lua_settop(thread, before + 1);
    if (raw.top - raw.base() != before + 1) return false;
    lua_settop(thread, before);
  }
  return true;
}

// A function that begins in a frame of its own gets its arguments, and what it gives is found; again in the coroutine that
// has ended, and where it yields.
bool frame_is_known(lua_State* L) {
  lua_pushcfunction(L, [](lua_State* S) { return lua_gettop(S); });
  lua_pushcfunction(L, [](lua_State* S) { return lua_yield(S, lua_gettop(S)); });
  const RawValue* const functions = raw_thread(L).top - 2;
  lua_State* const co = lua_newthread(L);
  for (const int function : {0, 0, 1}) {
    begin_frame(co, functions[function]);
    for (int i = 1; i <= 3; ++i) *raw_thread(co).top++ = RawValue::of(std::int64_t{i});
    int results;
    const int status = resume_frame(co, L, 3, &results);
    if (status != (function == 0 ? LUA_OK : LUA_YIELD) || results != 3) return false;
    for (int i = 1; i <= 3; ++i) {
      if (lua_tointeger(co, i - 4) != i) return false;
    }
    lua_pop(co, 3);
  }
  return true;
}

// What belongs to a state as a whole, from any of its coroutines.
bool global_is_known([[maybe_unused]] lua_State* L) {
#ifdef RUNTIME_LUAJIT
  void* data;
  const lua_Alloc allocator = lua_getallocf(L, &data);
  for (lua_State* const thread : {L, lua_newthread(L)}) {
    const RawGlobal* const global = raw_thread(thread).global;
    if (global->allocator != allocator || global->allocator_data != data) return false;
  }
#endif
  return true;
}

// A userdata on the top of the stack, without a metatable and with one.
bool userdata_is_known(lua_State* L) {
  lua_newuserdatauv(L, 24, 0);
  const RawUserdata* const raw = find_userdata(*(raw_thread(L).top - 1));
  if (raw == nullptr || raw->size != 24 || raw->metatable != nullptr) return false;
  lua_createtable(L, 0, 0);
  if (find_userdata(*(raw_thread(L).top - 1)) != nullptr) return false;
  lua_pushvalue(L, -1);
  lua_setmetatable(L, -3);
  return raw->metatable == lua_topointer(L, -1);
}

constexpr char kValues[] =
    "local long = ('long'):rep(100)\n"
    "local t = { false, true, 'text', long, 7, -2.5, {}, print, 1e300, -1 }\n"
    "for i = 11, 37 do t[i] = i end\n"
    "local keys = { 0, 3, 2^53, -2.5, 'short', long, true, false, {}, print, pointer }\n"
    "for _, value in ipairs(keys) do t[value] = value end\n"
    "t.a, t.b, t.gone, t.c = 1, 'b', 2, false\n"
    "for i = 1, 20 do t['key' .. i] = i end\n"
    "t.gone = nil\n"
    "return t";

int l_probe(lua_State* L) {
  bool& known = *static_cast<bool*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  luaL_openlibs(L);
  lua_pushliteral(L, "text");
  if (!strings_are_known(L) || !table_is_known(L) || !stack_is_known(L) || !global_is_known(L) ||
      !userdata_is_known(L) || !frame_is_known(L))
    return 0;
  if (luaL_loadstring(L, kValues) != LUA_OK) return 0;
  lua_pushlightuserdata(L, &known);
  lua_setglobal(L, "pointer");
  lua_call(L, 0, 1);
  const int table = lua_gettop(L);
  known = contents_are_known(L, table) && strings_are_found(L, table);
  return 0;
}

}  // namespace

// Several threads may come here at once, and find the same.
bool probe_raw_values() {
  const bool known = kRawInternal && probe_engine(l_probe);
  raw_probe.store(known ? RawProbe::passed : RawProbe::failed, std::memory_order_relaxed);
  return known;
}

}  // namespace runtime::RUNTIME_ENGINE
