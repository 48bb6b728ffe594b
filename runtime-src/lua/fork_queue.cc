#include "lua/fork_queue.h"

namespace runtime::RUNTIME_ENGINE {

bool ForkQueue::push_call(lua_State* L, int first) {
  const int values = lua_gettop(L) - first + 1;
  if (values > kMostValues) return false;
  if (calls_ == nullptr) {
    lua_State* const calls = lua_newthread(L);
    luaL_ref(L, LUA_REGISTRYINDEX);
    calls_ = calls;
  }
  // And room for pop_call().
  if (!lua_checkstack(calls_, values + kMostValues)) return false;
  lua_xmove(L, calls_, values);
  forks_.push({nullptr, values});
  return true;
}

int ForkQueue::pop_call(lua_State* to) {
  const int values = forks_.pop().values;
  for (int i = 0; i < values; ++i) lua_pushvalue(calls_, first_ + i);
  lua_xmove(calls_, to, values);
  forget_first(values);
  return values - 1;
}

void ForkQueue::drop_call() { forget_first(forks_.pop().values); }

// The values stay until all calls have begun, or more have begun than wait.
void ForkQueue::forget_first(int values) {
  first_ += values;
  const int left = lua_gettop(calls_) - first_ + 1;
  if (left != 0 && (first_ <= kCompacted || first_ <= left)) return;
  for (int i = 1; i <= left; ++i) {
    lua_pushvalue(calls_, first_ + i - 1);
    lua_replace(calls_, i);
  }
  lua_settop(calls_, left);
  first_ = 1;
}

}  // namespace runtime::RUNTIME_ENGINE
