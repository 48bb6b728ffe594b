// What ends before its time: tasks that raise or are killed, calls that fail, requests that nobody
// answers, the service itself. None of it is on the way of a common message.
#include <fmt/format.h>

#include <algorithm>

#include "core/node.h"
#include "core/send.h"
#include "lua/builtin_modules.h"
#include "lua/lua_core.h"
#include "lua/lua_service.h"
#include "lua/public_table.h"
#include "lua/shared_api.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

constexpr std::size_t kForgotten = 4096;  // requests that are remembered

// Leaves the error value on top of `co` as a string, with the traceback of `co`, on top of L. May
// raise (memory).
void push_traceback(lua_State* L, lua_State* co) {
  lua_xmove(co, L, 1);
  if (lua_type(L, -1) != LUA_TSTRING) {
    // __tostring of the error value may raise as well.
    lua_pushcfunction(L, [](lua_State* S) {
      luaL_tolstring(S, 1, nullptr);
      return 1;
    });
    lua_insert(L, -2);
    if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
      lua_pop(L, 1);
      lua_pushliteral(L, "(error object whose __tostring raised)");
    }
  }
  luaL_traceback(L, co, lua_tostring(L, -1), 0);
  lua_remove(L, -2);
}

// What keep_error() may use beyond the service's limit: the error is told when the heap is full.
constexpr std::size_t kLent = 256 * 1024;

std::uint64_t request_key(Handle source, std::int32_t session) {
  return std::uint64_t{source} << 32 | static_cast<std::uint32_t>(session);
}

}  // namespace

// ---- errors of tasks ----------------------------------------------------------------------------

int TaskScheduler::l_keep_error(lua_State* L) {
  push_traceback(L, static_cast<lua_State*>(lua_touserdata(L, 1)));
  std::size_t size;
  const char* text = lua_tolstring(L, -1, &size);
  LuaService::of(L).tasks()->errors_.append(text, size);
  return 0;
}

void TaskScheduler::keep_error(lua_State* L, lua_State* co) {
  if (!errors_.empty()) errors_ += '\n';
  LuaHeap& heap = LuaService::of(L).heap();
  // A string's bytes: `co` may no longer have it afterwards.
  const std::string plain =
      lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : "(error object)";
  heap.lend(kLent);
  if (call_protected(L, l_keep_error, co) != LUA_OK)
    errors_ += plain + " (no memory for its traceback)";
  has_errors_ = true;
  heap.lend(0);
}

void TaskScheduler::raised(lua_State* L, Task* task) {
  if (task->wait != Wait::nothing) drop_wait(task, true);
  if (task->request == Request::open) answer_error(task->source, task->session);
  task->request = Request::closed;
  if (task->traced) [[unlikely]]
    trace(L, "error", task);
  keep_error(L, task->co);
  lua_closethread(task->co, L);
  discard(L, task);
}

std::string TaskScheduler::take_errors() {
  has_errors_ = false;
  return std::exchange(errors_, {});
}

int TaskScheduler::raise_errors(lua_State* L) {
  if (!has_errors_) return 0;
  lua_pushlstring(L, errors_.data(), errors_.size());
  errors_.clear();
  has_errors_ = false;
  return lua_error(L);
}

// ---- calls that fail ----------------------------------------------------------------------------

void TaskScheduler::fail_call(std::int32_t session, std::string_view why) {
  WaitEntry* entry = sessions_.find(session);
  if (entry == nullptr) return;
  Task* task = entry->task;
  if (task == nullptr) {
    // An ended wait: this was the message that was to be dropped. A timer's function waits for its own message.
    if (entry->function == 0) sessions_.erase(entry);
    return;
  }
  switch (task->wait) {
    case Wait::reply:
    case Wait::message:
    case Wait::unpack:
    case Wait::answer:
      if (std::exchange(task->failed, true)) break;
      queue(failed_, task);
      if (!why.empty()) [[unlikely]] {
        task->why_failed = std::make_unique<std::string>("call failed: ");
        *task->why_failed += why;
      }
      break;
    default: break;  // no call
  }
}

void TaskScheduler::fail_calls_to(Handle callee) {
  for (Task* task : tasks_) {
    if (task->callee == callee && task->callee != 0 && !std::exchange(task->failed, true))
      queue(failed_, task);
  }
}

void TaskScheduler::fail_calls_to(std::string_view callee) {
  for (Task* task : tasks_) {
    if (task->calls_name && task->callee_name == callee &&
        !std::exchange(task->failed, true)) {
      queue(failed_, task);
    }
  }
}

int TaskScheduler::push_failure([[maybe_unused]] lua_State* L) {
#ifdef RUNTIME_LUA54
  call_failed_ = true;
  return 0;
#else
  lua_rawgeti(L, LUA_REGISTRYINDEX, refs.raise_failure);
  return 1;
#endif
}

int TaskScheduler::raise_failure(lua_State* L) {
  if (failure_text_.empty()) return luaL_error(L, "call failed");
  luaL_where(L, 1);
  lua_pushlstring(L, failure_text_.data(), failure_text_.size());
  failure_text_.clear();
  lua_concat(L, 2);
  return lua_error(L);
}

// ---- requests that nobody answers ---------------------------------------------------------------

void TaskScheduler::answer_error(Handle to, std::int32_t session) {
  if (session == 0 || to == 0) return;
  send_owned(service_, to, Message::make(service_.handle(), kTypeError, session, nullptr, 0));
}

void TaskScheduler::refuse(const Message& message) {
  if (message.type() == kTypeResponse) {
    fail_lost_reply();
  } else if (message.type() != kTypeError && message.type() != kTypeMulticast) {
    answer_error(message.source, message.session);
  }
}

// Between the look-up of its session and its resumption a task waits for no session.
void TaskScheduler::fail_lost_reply() {
  for (Task* task : tasks_) {
    if (task->wait == Wait::nothing || task->waits_for != 0) continue;
    if (wakes(task)) {
      wake(task);
    } else if (!std::exchange(task->failed, true)) {
      queue(failed_, task);
    }
  }
}

void TaskScheduler::forget(Task& task) {
  // The session of a package that a gate has passed on is its connection's id: an error would hit what the gate itself
  // waits for under that number.
  if (task.session == 0 || task.type == kTypeClient) return;
  auto& forgotten = unanswered().forgotten;
  if (forgotten.size() == kForgotten) forgotten.pop();
  forgotten.push({task.source, task.session});
}

void TaskScheduler::warn_forgotten(lua_State* L, Task* task) {
  lua_Debug info = {};
  lua_rawgeti(L, LUA_REGISTRYINDEX, refs.protocols);
  lua_rawgeti(L, -1, task->type);
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, refs.dispatch);
    stock_lua_rawget(L, -2);
    if (lua_isfunction(L, -1)) {
      lua_getinfo(L, ">S", &info);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 2);
  const char* source = info.source != nullptr ? info.source : "?";
  char line[512];
  const auto end =
      fmt::format_to_n(line, sizeof(line), "Maybe forgot response session {} from :{:08x} : {}:{}",
                       task->session, task->source, source, info.linedefined);
  const std::string_view text(line, std::min(end.size, sizeof(line)));
  if (!log_by_program(L, text)) service_.node().log(service_.handle(), text);
}

// By the function that the program has put in the place of skynet.error. False: there is none, or it has failed.
bool TaskScheduler::log_by_program(lua_State* L, std::string_view text) {
  const auto log = [](lua_State* S) {
    auto& given = *static_cast<std::string_view*>(lua_touserdata(S, 1));
    if (!push_own_function(S, "error", native_error)) return 0;
    lua_pushlstring(S, given.data(), given.size());
    given = {};
    lua_call(S, 1, 0);
    return 0;
  };
  const int top = lua_gettop(L);
  std::string_view given = text;
  const bool called = call_protected(L, log, &given) == LUA_OK && given.data() == nullptr;
  lua_settop(L, top);
  return called;
}

TaskScheduler::Unanswered& TaskScheduler::unanswered() {
  if (unanswered_ == nullptr) unanswered_ = std::make_unique<Unanswered>();
  return *unanswered_;
}

void TaskScheduler::promise(const Task& task) {
  if (task.session != 0) unanswered().promised.insert(request_key(task.source, task.session));
}

void TaskScheduler::keep_promise(Handle source, std::int32_t session) {
  if (unanswered_ != nullptr) unanswered_->promised.erase(request_key(source, session));
}

void TaskScheduler::tell_requesters() {
  for (Task* task : tasks_) {
    if (task->request == Request::open) answer_error(task->source, task->session);
    task->request = Request::closed;
  }
  const auto left = std::exchange(unanswered_, nullptr);
  if (left == nullptr) return;
  for (const std::uint64_t key : left->promised) {
    answer_error(static_cast<Handle>(key >> 32), static_cast<std::int32_t>(key & 0xffffffff));
  }
  while (!left->forgotten.empty()) {
    const auto [source, session] = left->forgotten.pop();
    answer_error(source, session);
  }
}

// ---- the end of a task, and of the service ------------------------------------------------------

bool TaskScheduler::kill(lua_State* L, Task* task) {
  if (task == current_) return false;
  if (!forks_.erase(task) && task->wait == Wait::nothing) return false;
  woken_.erase(task);
  failed_.erase(task);
  if (task->wait == Wait::bytes && task->bytes != nullptr) end_read(*task->bytes);
  const bool message_will_come = task->wait != Wait::wakeup;
  drop_wait(task, message_will_come);
  if (task->request == Request::open) answer_error(task->source, task->session);
  task->request = Request::closed;
  if (lua_closethread(task->co, L) != LUA_OK) keep_error(L, task->co);
  discard(L, task);
  return true;
}

void TaskScheduler::exit() {
  exited_ = true;
  while (Task* task = forks_.pop()) discard(main_, task);
  std::vector<Handle> callees;
  for (Task* task : tasks_) {
    if (task->callee != 0) callees.push_back(task->callee);
  }
  std::sort(callees.begin(), callees.end());
  callees.erase(std::unique(callees.begin(), callees.end()), callees.end());
  tell_requesters();
  for (const Handle callee : callees) {
    send_owned(service_, callee, Message::make(service_.handle(), kTypeError, 0, nullptr, 0));
  }
}

void TaskScheduler::close_all(lua_State* L, Task* first) {
  drop_wait(first, false);
  if (lua_closethread(first->co, L) != LUA_OK) keep_error(L, first->co);
  discard(L, first);
  close_blocked(L);
}

void TaskScheduler::close_blocked(lua_State* L) {
  for (std::size_t i = tasks_.size(); i-- > 0;) {
    if (i < tasks_.size() && tasks_[i]->wait != Wait::nothing) kill(L, tasks_[i]);
  }
  drop_functions();
}

}  // namespace runtime::RUNTIME_ENGINE
