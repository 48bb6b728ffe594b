// Tasks that wait for the bytes of a socket: what comes goes into the buffer that they have named, and wakes them when it
// is enough, without a task for the event.
#include "core/socket_message.h"
#include "lua/builtin_modules.h"
#include "lua/lua_service.h"
#include "lua/task_scheduler.h"

namespace runtime::RUNTIME_ENGINE {

void TaskScheduler::open_stream(AwaitedBytes& bytes) {
  if (bytes.socket != 0) streams_.put({bytes.socket, &bytes});
}

void TaskScheduler::close_stream(AwaitedBytes& bytes) {
  // A coroutine of a task's own may have taken the buffer with it.
  if (bytes.reader != nullptr) std::exchange(bytes.reader, nullptr)->bytes = nullptr;
  StreamEntry* const entry = streams_.find(bytes.socket);
  if (entry != nullptr && entry->bytes == &bytes) streams_.erase(entry);
}

void TaskScheduler::wait_for_bytes(AwaitedBytes& bytes) {
  if (bytes.reader != nullptr) bytes.reader->bytes = nullptr;
  bytes.reader = current_;
  current_->bytes = &bytes;
}

void TaskScheduler::wait_to_read(AwaitedBytes& bytes) {
  // A plain coroutine of the task may have swallowed an earlier yield.
  if (current_->wait != Wait::nothing) drop_wait(current_, true);
  current_->waits_for = new_session();
  current_->wait = Wait::bytes;
  current_->own_token = true;
  wait_for_bytes(bytes);
}

bool TaskScheduler::feed_reader(lua_State* L, Message& message) {
  StreamEntry* const stream = streams_.find(message.session);
  if (stream == nullptr || stream->bytes->reader == nullptr || tracing) return false;
  AwaitedBytes& bytes = *stream->bytes;
  Task* const task = bytes.reader;
  // What was woken before goes on first. A heap with a limit may have no room for the bytes: the task takes them itself.
  const bool may_give = task->wait == Wait::bytes && !has_queued_ && !task->woken &&
                        LuaService::of(L).heap().limit() == 0;
  switch (feed(message, bytes, may_give)) {
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

void TaskScheduler::wake_reader(AwaitedBytes& bytes) {
  Task* const task = bytes.reader;
  if (task == nullptr || task->wait != Wait::bytes) return;
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
  if (task->bytes == nullptr) return 0;
  AwaitedBytes& bytes = *task->bytes;
  const std::size_t count = end_read(bytes);
  if (count == 0 || LuaService::of(L).heap().limit() != 0) return 0;
  push_front(L, bytes, count);
  return 1;
}

void TaskScheduler::drop_reader(Task* task) {
  AwaitedBytes& bytes = *std::exchange(task->bytes, nullptr);
  if (bytes.reader == task) bytes.reader = nullptr;
}

}  // namespace runtime::RUNTIME_ENGINE
