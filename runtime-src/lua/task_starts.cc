// Where the coroutines of tasks come from: those that have ended are kept for the next ones. And the functions of timers,
// which get one when they are to run, and of expected answers.
#include <new>
#include <utility>

#include "core/node.h"
#include "lua/lua_service.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

namespace {

// How long a function waits for whose coroutine there was no memory.
constexpr Ticks kPostponed{100};

// What a function may take as it begins; where less is left, its coroutine is not made yet.
constexpr std::size_t kToBegin = 1024;

}  // namespace

// ---- coroutines ---------------------------------------------------------------------------------

// Makes a task, when none is idle.
Task* TaskScheduler::make_task(lua_State* L) {
  // One that was dropped would be of use now.
  if (dropped_idle_ && idle_limit_ < kMostIdleTasks)
    idle_limit_ = static_cast<std::uint16_t>(idle_limit_ * 2);
  dropped_idle_ = false;
  lua_State* co = lua_newthread(L);
  const int anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  Task* const task = tasks_.emplace_back(allocate_task());
  task->co = co;
  task->anchor = anchor;
  task->index = static_cast<std::uint32_t>(tasks_.size() - 1);
  if (by_coroutine_ != nullptr) {
    by_coroutine_->emplace(co, task);
  } else if (tasks_.size() > kFewTasks) {
    by_coroutine_ = std::make_unique<std::unordered_map<lua_State*, Task*>>();
    for (Task* const each : tasks_) by_coroutine_->emplace(each->co, each);
  }
  return task;
}

Task* TaskScheduler::allocate_task() {
  return std::exchange(has_first_, true) ? new Task : new (place_of_first_) Task;
}

void TaskScheduler::free_task(Task* task) {
  if (static_cast<void*>(task) == place_of_first_) {
    task->~Task();
    has_first_ = false;
  } else {
    delete task;
  }
}

Task* TaskScheduler::find(lua_State* co) {
  if (by_coroutine_ == nullptr) {
    for (Task* const task : tasks_) {
      if (task->co == co) return task;
    }
    return nullptr;
  }
  const auto at = by_coroutine_->find(co);
  return at == by_coroutine_->end() ? nullptr : at->second;
}

// Lets go of idle tasks that nobody has needed since the last review.
void TaskScheduler::review_idle() {
  if (least_idle_ > idle_limit_ / 2) {
    idle_limit_ /= 2;
    while (idle_count_ > idle_limit_) discard(main_, pop_idle());
  }
  least_idle_ = idle_count_;
}

void TaskScheduler::discard(lua_State* L, Task* task) {
  luaL_unref(L, LUA_REGISTRYINDEX, task->anchor);
  luaL_unref(L, LUA_REGISTRYINDEX, task->token_anchor);
  if (by_coroutine_ != nullptr) by_coroutine_->erase(task->co);
  const std::uint32_t index = task->index;
  std::swap(tasks_[index], tasks_.back());
  tasks_[index]->index = index;
  tasks_.pop_back();
  free_task(task);
}

// ---- functions that have not begun --------------------------------------------------------------

void TaskScheduler::wait_to_start(Task* task, std::int32_t session, Wait wait) {
  task->waits_for = session;
  task->wait = wait;
  sessions_.put({.session = session, .task = task});
}

void TaskScheduler::wait_to_start(lua_State* L, int index, std::int32_t session) {
  sessions_.put({.session = session, .function = functions_.put(L, index)});
}

Task* TaskScheduler::task_of(lua_State* L, std::int32_t session) {
  WaitEntry* entry = sessions_.find(session);
  if (entry == nullptr) return nullptr;
  if (entry->function == 0) return entry->task;
  Task* task = take(L);
  // A finalizer may have run meanwhile, and begun to wait.
  const std::int32_t function = sessions_.find(session)->function;
  functions_.take(L, function, task->co);
  wait_to_start(task, session, Wait::start);
  return task;
}

// Nothing may raise here, and none of the functions be lost: where there is no memory, it is tried again later.
void TaskScheduler::start_function(lua_State* L, std::int32_t function) {
  if (idle_ == nullptr) {
    const auto make_one = [](lua_State* in) {
      LuaService& service = LuaService::of(in);
      // Near a limit: a call in a coroutine takes memory, too.
      if (service.heap().limit() != 0) lua_newuserdatauv(in, kToBegin, 0);
      TaskScheduler& tasks = *service.tasks();
      tasks.push_idle(tasks.make_task(in));
      return 0;
    };
    if (call_protected(L, make_one, nullptr) != LUA_OK) [[unlikely]]
      return postpone(function);
  }
  Task* task = take(L);
  functions_.take(L, function, task->co);
  resume(L, task, 0);
}

void TaskScheduler::postpone(std::int32_t function) {
  service_.node().log(service_.handle(),
                      "no memory for the coroutine of a timer: it waits for another second");
  const std::int32_t session = new_session();
  sessions_.put({.session = session, .function = function});
  service_.node().timer.add(kPostponed, {service_.handle(), session});
}

void TaskScheduler::forget_answer(std::int32_t session) {
  WaitEntry* entry = sessions_.find(session);
  if (entry == nullptr || entry->task == nullptr || entry->task->wait != Wait::answer) return;
  Task* task = entry->task;
  failed_.erase(task);
  task->failed = false;
  task->why_failed.reset();
  drop_wait(task, true);
  lua_settop(task->co, 0);
  recycle(task);
}

void TaskScheduler::drop_functions() {
  for (std::size_t i = 0; i < sessions_.places(); ++i) {
    const WaitEntry entry = sessions_.place(i);
    if (entry.function == 0) continue;
    functions_.drop(main_, entry.function);
    sessions_.find(entry.session)->function = 0;
  }
}

}  // namespace runtime::RUNTIME_ENGINE
