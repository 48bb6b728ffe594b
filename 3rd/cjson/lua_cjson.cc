// require "cjson", require "cjson.safe": JSON with the interface of lua-cjson 2.1, in our own hand.
//
// As there, except that 64-bit integers are exact in both directions: a number without fraction and
// exponent is an integer (on LuaJIT an int64_t when a double cannot hold it), and integers are
// written with all of their digits. Beyond lua-cjson, under the names of its best known forks:
// empty_array, empty_array_mt, array_mt, decode_array_with_array_mt, encode_empty_table_as_object,
// encode_empty_table_as_array, encode_escape_forward_slash.
#include <climits>
#include <new>

#include "held.h"
#include "lua_json.h"

// Last: it takes the place of lauxlib's checks.
#include "lua/arguments.h"

namespace runtime::RUNTIME_ENGINE {

const char json_array_mt = 0;
const char json_empty_array_mt = 0;
const char json_empty_array = 0;

namespace {

// A buffer above this size is not kept from one conversion to the next.
constexpr std::size_t kKeptBytes = std::size_t{1} << 20;

// The upvalues of every function of a module table.
constexpr int kOptionsUpvalue = 1;  // userdata: JsonOptions
constexpr int kStateUpvalue = 2;    // userdata: JsonState

JsonOptions& options_of(lua_State* L) {
  return *static_cast<JsonOptions*>(lua_touserdata(L, lua_upvalueindex(kOptionsUpvalue)));
}

// The text did not fit: an error of this service.
void raise_no_memory(void* argument) {
  auto* state = static_cast<JsonState*>(argument);
  state->out.release();
  state->busy = false;
  luaL_error(state->L, "not enough memory");
}

// The state of this module table; a new one, pushed on the stack, when that is in use.
JsonState* take_state(lua_State* L) {
  auto* state = static_cast<JsonState*>(lua_touserdata(L, lua_upvalueindex(kStateUpvalue)));
  if (state->busy) state = &push_held<JsonState>(L);
  state->busy = true;
  state->L = L;
  state->out.on_no_memory(raise_no_memory, state);
  return state;
}

void give_back(JsonState* state, bool keep_buffer) {
  if (!keep_buffer || state->out.capacity() > kKeptBytes) state->out.release();
  state->busy = false;
}

int l_encode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  const JsonOptions& options = options_of(L);
  JsonState* state = take_state(L);
  encode_json(L, 1, options, state);
  const std::string_view text = state->out.text();
  lua_pushlstring(L, text.data(), text.size());
  give_back(state, options.keep_buffer);
  return 1;
}

int l_decode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  if (size >= 2 && (text[0] == '\0' || text[1] == '\0')) {
    return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
  }
  const JsonOptions& options = options_of(L);
  JsonState* state = take_state(L);
  decode_json(L, {text, size}, options, state);
  give_back(state, true);
  return 1;
}

// Upvalue 3 is the function whose errors become nil, message. A wrong number of arguments still
// raises.
int l_protected(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  lua_pushvalue(L, lua_upvalueindex(3));
  lua_insert(L, 1);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

// ---- options: each function sets what is not nil, and returns what holds then -------------------

void fill_arguments(lua_State* L, int count) {
  luaL_argcheck(L, lua_gettop(L) <= count, count + 1, "found too many arguments");
  lua_settop(L, count);
}

void integer_option(lua_State* L, int index, int* setting, int lowest, int highest) {
  if (!lua_isnil(L, index)) {
    const lua_Integer value = luaL_checkinteger(L, index);
    if (value < lowest || value > highest) {
      lua_pushfstring(L, "expected integer between %d and %d", lowest, highest);
      luaL_argerror(L, index, lua_tostring(L, -1));
    }
    *setting = static_cast<int>(value);
  }
  lua_pushinteger(L, *setting);
}

void switch_option(lua_State* L, int index, bool* setting) {
  static const char* const kNames[] = {"off", "on", nullptr};
  if (lua_isboolean(L, index)) {
    *setting = lua_toboolean(L, index) != 0;
  } else if (!lua_isnil(L, index)) {
    *setting = luaL_checkoption(L, index, nullptr, kNames) == 1;
  }
  lua_pushboolean(L, *setting);
}

int l_encode_sparse_array(lua_State* L) {
  JsonOptions& options = options_of(L);
  fill_arguments(L, 3);
  switch_option(L, 1, &options.sparse_convert);
  integer_option(L, 2, &options.sparse_ratio, 0, INT_MAX);
  integer_option(L, 3, &options.sparse_safe, 0, INT_MAX);
  return 3;
}

int l_encode_invalid_numbers(lua_State* L) {
  static const char* const kNames[] = {"off", "on", "null", nullptr};
  JsonOptions& options = options_of(L);
  fill_arguments(L, 1);
  if (lua_isboolean(L, 1)) {
    options.encode_invalid_numbers =
        lua_toboolean(L, 1) ? JsonOptions::kAccept : JsonOptions::kRefuse;
  } else if (!lua_isnil(L, 1)) {
    options.encode_invalid_numbers =
        static_cast<JsonOptions::InvalidNumbers>(luaL_checkoption(L, 1, nullptr, kNames));
  }
  if (options.encode_invalid_numbers == JsonOptions::kNull) {
    lua_pushliteral(L, "null");
  } else {
    lua_pushboolean(L, options.encode_invalid_numbers == JsonOptions::kAccept);
  }
  return 1;
}

template <int JsonOptions::*kSetting, int kHighest>
int l_integer(lua_State* L) {
  fill_arguments(L, 1);
  integer_option(L, 1, &(options_of(L).*kSetting), 1, kHighest);
  return 1;
}

template <bool JsonOptions::*kSetting>
int l_switch(lua_State* L) {
  fill_arguments(L, 1);
  switch_option(L, 1, &(options_of(L).*kSetting));
  return 1;
}

int l_encode_keep_buffer(lua_State* L) {
  l_switch<&JsonOptions::keep_buffer>(L);
  auto* state = static_cast<JsonState*>(lua_touserdata(L, lua_upvalueindex(kStateUpvalue)));
  if (!options_of(L).keep_buffer && !state->busy) state->out.release();
  return 1;
}

// The same setting as encode_empty_table_as_array, seen from the other side.
int l_encode_empty_table_as_object(lua_State* L) {
  JsonOptions& options = options_of(L);
  bool as_object = !options.empty_table_as_array;
  fill_arguments(L, 1);
  switch_option(L, 1, &as_object);
  options.empty_table_as_array = !as_object;
  return 1;
}

// ---- the module tables --------------------------------------------------------------------------

int push_module(lua_State* L, bool safe);
int l_new(lua_State* L) { return push_module(L, false); }
int l_new_safe(lua_State* L) { return push_module(L, true); }

// The metatable that marks arrays, from the registry or new.
void push_mark(lua_State* L, const void* key) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, key);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

// A new module table, with options and memory of its own.
int push_module(lua_State* L, bool safe) {
  static constexpr luaL_Reg kFunctions[] = {
      {"encode", l_encode},
      {"decode", l_decode},
      {"encode_sparse_array", l_encode_sparse_array},
      {"encode_max_depth", l_integer<&JsonOptions::encode_max_depth, INT_MAX>},
      {"decode_max_depth", l_integer<&JsonOptions::decode_max_depth, INT_MAX>},
      {"encode_number_precision", l_integer<&JsonOptions::number_precision, 17>},
      {"encode_keep_buffer", l_encode_keep_buffer},
      {"encode_invalid_numbers", l_encode_invalid_numbers},
      {"decode_invalid_numbers", l_switch<&JsonOptions::decode_invalid_numbers>},
      {"encode_empty_table_as_array", l_switch<&JsonOptions::empty_table_as_array>},
      {"encode_empty_table_as_object", l_encode_empty_table_as_object},
      {"encode_escape_forward_slash", l_switch<&JsonOptions::escape_slash>},
      {"decode_array_with_array_mt", l_switch<&JsonOptions::decode_arrays_with_mt>},
      {nullptr, nullptr},
  };
  lua_settop(L, 0);
  luaL_newlibtable(L, kFunctions);
  new (lua_newuserdatauv(L, sizeof(JsonOptions), 0)) JsonOptions;
  push_held<JsonState>(L);
  for (const luaL_Reg* function = kFunctions; function->name != nullptr; ++function) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 3);
    lua_pushcclosure(L, function->func, 2);
    lua_setfield(L, 1, function->name);
  }
  if (safe) {
    for (const char* name : {"encode", "decode"}) {
      lua_pushvalue(L, 2);
      lua_pushvalue(L, 3);
      lua_getfield(L, 1, name);
      lua_pushcclosure(L, l_protected, 3);
      lua_setfield(L, 1, name);
    }
  }
  lua_settop(L, 1);
  lua_pushcfunction(L, safe ? l_new_safe : l_new);
  lua_setfield(L, 1, "new");
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, 1, "null");
  lua_pushlightuserdata(L, const_cast<char*>(&json_empty_array));
  lua_setfield(L, 1, "empty_array");
  push_mark(L, &json_array_mt);
  lua_setfield(L, 1, "array_mt");
  push_mark(L, &json_empty_array_mt);
  lua_setfield(L, 1, "empty_array_mt");
  lua_pushliteral(L, "cjson");
  lua_setfield(L, 1, "_NAME");
  lua_pushliteral(L, "2.1.0");
  lua_setfield(L, 1, "_VERSION");
  return 1;
}

int open_cjson(lua_State* L) { return push_module(L, false); }
int open_cjson_safe(lua_State* L) { return push_module(L, true); }

}  // namespace
}  // namespace runtime::RUNTIME_ENGINE

RUNTIME_LUA_MODULE_MARKER
RUNTIME_LUA_OPEN(cjson, open_cjson)
RUNTIME_LUA_OPEN(cjson_safe, open_cjson_safe)
