// Tasks that wait for the bytes of a socket: what comes goes into the buffer that they have named, and wakes them when it
// is enough, without a task for the event.
#include "core/socket_message.h"
#include "lua/builtin_modules.h"
#include "lua/lua_service.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

void TaskScheduler::wait_for_bytes(const AwaitedBytes& bytes) {
  current_->bytes = bytes;
  readers_.put(bytes.socket, {current_});
}

void TaskScheduler::wait_to_read(const AwaitedBytes& bytes) {
  // A plain coroutine of the task may have swallowed an earlier yield.
  if (current_->wait != Wait::nothing) drop_wait(current_, true);
  current_->waits_for = new_session();
  current_->wait = Wait::bytes;
  current_->own_token = true;
  wait_for_bytes(bytes);
}

bool TaskScheduler::feed_reader(lua_State* L, Message& message) {
  SessionTable::Entry* const reader = readers_.find(message.session);
  if (reader == nullptr || tracing) return false;
  Task* const task = reader->task;
  // What was woken before goes on first. A heap with a limit may have no room for the bytes: the task takes them itself.
  const bool may_give = task->wait == Wait::bytes && !has_queued_ && !task->woken &&
                        LuaService::of(L).heap().limit() == 0;
  switch (feed(message, task->bytes, may_give)) {
    case Fed::not_taken: return false;
    case Fed::too_few: break;
    case Fed::enough: wake(task); break;
    case Fed::whole:
      lua_pushlstring(L, static_cast<const char*>(message.data), message.size());
      drop_wait(task, false);
      move_values(L, task->co, 1);
      resume(L, task, 1);
  }
  return true;
}

void TaskScheduler::wake_reader(int socket, const StreamBuffer& buffer) {
  SessionTable::Entry* reader = readers_.find(socket);
  if (reader == nullptr) return;
  Task* task = reader->task;
  if (task->wait != Wait::bytes || task->bytes.buffer != &buffer) return;
  end_reading(task);
  wake(task);
}

void TaskScheduler::end_reading(Task* task) {
  task->wait = Wait::wakeup;
  task->waits_for = 0;
}

int TaskScheduler::push_bytes(lua_State* L, Task* task) {
  // First, so that what raises here does so once. The task then takes the bytes itself, and is told there.
  end_reading(task);
  StreamBuffer& buffer = *task->bytes.buffer;
  const std::size_t count = end_read(buffer);
  if (count == 0 || LuaService::of(L).heap().limit() != 0) return 0;
  push_front(L, buffer, count);
  return 1;
}

void TaskScheduler::drop_reader(Task* task) {
  SessionTable::Entry* entry = readers_.find(std::exchange(task->bytes.socket, 0));
  if (entry != nullptr && entry->task == task) readers_.erase(entry);
}

}  // namespace runtime::RUNTIME_ENGINE
