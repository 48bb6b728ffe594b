// How the values of a message that a task waits for come to its coroutine: on LuaJIT those of a call take another form, in
// which lualib/skynet.lua hands them on.
#include "lua/raw_stack.h"
#include "lua/seri.h"
#include "lua/seri_plain.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// A call on LuaJIT comes back with the number of the reply's values in front, when they are as few as
// skynet.lua takes so.
#ifdef RUNTIME_LUAJIT
constexpr bool kCountsReplies = true;
#else
constexpr bool kCountsReplies = false;
#endif
constexpr int kMostCounted = 3;

// values(table, n) -> table[1], ..., table[n]
int l_values(lua_State* L) {
  const auto count = static_cast<int>(lua_tointeger(L, 2));
  luaL_checkstack(L, count, "too many values in a reply");
  for (int i = 1; i <= count; ++i) lua_rawgeti(L, 1, i);
  return count;
}

// In place of the uppermost `count` values: a function that gives them, and its arguments. Gives the
// number of these three.
int hand_over(lua_State* L, int count) {
  lua_createtable(L, count, 0);
  lua_insert(L, -count - 1);
  for (int i = count; i > 0; --i) lua_rawseti(L, -i - 1, i);
  lua_pushcfunction(L, l_values);
  lua_insert(L, -2);
  lua_pushinteger(L, count);
  return 3;
}

}  // namespace

int TaskScheduler::push_awaited(lua_State* L, const Task& task, const Message& message,
                                bool* is_reply) {
  const auto push_payload = [&] {
    lua_pushlightuserdata(L, message.data);
    lua_pushinteger(L, static_cast<lua_Integer>(message.size()));
  };
  switch (task.wait) {
    case Wait::reply: {
      UnpackError error;
      const int values = unpack(L, message.data, message.size(), &error, strings_.get());
      *is_reply = values >= 0;
      if (values >= 0) [[likely]]
        return values;
      push_unpack_error(L, error);
      failure_text_ = lua_tostring(L, -1);
      lua_pop(L, 1);
      return push_failure(L);
    }
    case Wait::unpack:
      lua_rawgeti(L, LUA_REGISTRYINDEX, refs.protocols);
      lua_rawgeti(L, -1, task.called_type);
      lua_getfield(L, -1, "unpack");
      lua_replace(L, -3);
      lua_pop(L, 1);
      push_payload();
      return 3;
    case Wait::message:
      push_payload();
      *is_reply = true;
      return 2;
    case Wait::answer:
      lua_pushboolean(L, 1);
      push_payload();
      lua_pushinteger(L, message.session);
      return 4;
    case Wait::timer: lua_pushnil(L); return 1;
    default: return 0;
  }
}

int TaskScheduler::give_plain_reply(Task* task, const Message& message) {
  constexpr int kFront = kCountsReplies ? 1 : 0;  // for the number of values
  lua_State* const co = task->co;
  if (registry_ == nullptr || !lua_checkstack(co, kFront + kMostPlain)) [[unlikely]]
    return -1;
  RawValue* const front = raw_thread(co).top;
  raw_thread(co).top = front + kFront;
  const int values = unpack_plain(co, message.data, message.size(), strings_.get());
  if (values < 0 || (kCountsReplies && values > kMostCounted)) {
    raw_thread(co).top = front;
    return -1;
  }
  if (kCountsReplies) *front = RawValue::of(std::int64_t{values});
  return kFront + values;
}

int TaskScheduler::give_values(lua_State* L, Task* task, int values, bool is_reply) {
  bool counted = kCountsReplies && is_reply;
  if (counted && values > kMostCounted) [[unlikely]] {
    values = hand_over(L, values);
    counted = false;
  }
  int all = values + (counted ? 1 : 0);
  if (all != 0 && !lua_checkstack(task->co, all)) [[unlikely]] {
    lua_pop(L, values);
    failure_text_ = "too many values in a reply";
    values = all = push_failure(L);
    counted = false;
  }
  if (counted) push_number(task->co, values);
  move_values(L, task->co, values);
  return all;
}

}  // namespace runtime::RUNTIME_ENGINE
