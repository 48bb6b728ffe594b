#include "lua/public_table.h"

#include "lua/task_functions.h"

namespace runtime::RUNTIME_ENGINE {

bool push_own_function(lua_State* L, const char* name, lua_CFunction native) {
  const TaskScheduler& tasks = scheduler(L);
  if (tasks.refs.skynet == LUA_NOREF) return false;
  tasks.push_reference(L, tasks.refs.skynet);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_tocfunction(L, -1) != native) return true;
  lua_pop(L, 1);
  return false;
}

KeptFields::KeptFields(lua_State* L, const char* first, const char* second)
    : table_(&raw_table(L, -1)),
      entries_(table_->entries()),
      first_(find(L, first)),
      second_(find(L, second)) {}

KeptFields::Field KeptFields::find(lua_State* L, const char* name) {
  const RawTable& table = raw_table(L, -1);
  lua_pushstring(L, name);
  const RawEntry* const entry = table.find(RawValue::of_string(lua_topointer(L, -1)));
  lua_pop(L, 1);
  return {entry, entry->key_word(), entry->value_word()};
}

}  // namespace runtime::RUNTIME_ENGINE
