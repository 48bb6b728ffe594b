// The messages that wait for one service.
//
// Threads:   push(), close() and acquire() from any thread; open() from the creator of the service;
//            service() also from who was told must_run; the rest only from the worker that runs the
//            service.
// Ownership: a pushed message's payload belongs to the mailbox, a popped one's to the caller.
// Order:     messages of one sender come out in the order that sender pushed them.
// Memory:    a mailbox is never freed, only recycled (HandleTable): a sender that looked a handle
//            up may push to it at any later time, and is refused when the handle has gone. An idle
//            one holds at most two small buffers.
//
// Two buffers: senders append to `incoming_` under the lock; the worker swaps it for its own
// emptied `batch_` and then reads that without a lock. The message that makes an idle mailbox
// runnable goes to `batch_` at once. One of the two begins as the mailbox's own room for two messages,
// so that a service that has one now and then needs no other line of the caches, and no memory, for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/tiny_mutex.h"
#include "core/message.h"

namespace runtime {

class Service;

class alignas(128) Mailbox {  // two lines, which the processor fetches together
 public:
  enum class Pushed {
    refused,  // the handle is dead; the caller still owns the message
    queued,   // the service has a worker already
    must_run,  // the mailbox was idle: this caller, and no other, must hand the service to the scheduler
  };

  Mailbox() = default;
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Appends `message` if the mailbox still belongs to `to`.
  Pushed push(Handle to, const Message& message) {
    return push_with(to, [&](Buffer& buffer) { append(buffer, message); });
  }
  // The same for several, at least one, with none of others between them.
  Pushed push_all(Handle to, std::span<const Message> messages);

  // Takes the oldest message, if there is one. Sets *refilled to the number of messages that waited
  // when a new batch was taken, and leaves it alone otherwise.
  bool pop(Message* message, std::size_t* refilled) {
    return pop_of_batch(message) || (refill(refilled) && pop_of_batch(message));
  }
  // The same, but only of the messages that the worker has taken already.
  bool pop_of_batch(Message* message) {
    if (next_ == batch_.size) return false;
    *message = batch_.data[next_++];
    return true;
  }
  // Whether more than these may wait. What was pushed a moment ago may not be seen yet, but by become_idle().
  bool has_arrived() const { return arrived_.load(std::memory_order_relaxed) != 0; }
  // Begins to fetch what the message after the next brings, which another core may have written: for who is at work
  // on one of the socket server's.
  void fetch_ahead() const {
    if (next_ + 1 < batch_.size) __builtin_prefetch(batch_.data[next_ + 1].data);
  }

  // The messages that wait now. Exact for those that the caller itself has pushed.
  std::size_t size() const;

  // Gives the worker up if nothing waits and the mailbox is open: the next push() says must_run.
  // False: the caller keeps the service and must run it again.
  bool become_idle();

  // The state of a new service: owned by its creator, who must schedule it or close the mailbox.
  void open(Handle handle, Service* service);

  // No push succeeds from now on, and the service knows that it is retired. True if no worker had
  // the service: the caller must hand it to the scheduler, which will release it. May be called
  // once per open().
  bool close();

  Service* service() const { return service_; }

  // The service, held (Service::hold), if the mailbox belongs to `handle`; else null.
  Service* acquire(Handle handle);

  // After close(), by the worker that released the service.
  void reset();

 private:
  static constexpr std::uint32_t kOwnRoom = 2;

  struct Buffer {
    Message* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t capacity = 0;
  };

  void append(Buffer& buffer, const Message& message) {
    if (buffer.size == buffer.capacity) [[unlikely]]
      grow(buffer);
    buffer.data[buffer.size++] = message;
  }
  [[gnu::noinline]] void grow(Buffer& buffer);
  // `add` appends to the buffer that it is given.
  template <class Add>
  Pushed push_with(Handle to, Add add) {
    std::lock_guard lock(mutex_);
    if (handle_ != to) [[unlikely]]
      return Pushed::refused;
    if (!running_) {
      // No worker has the service, so that its side is ours: pop() need not lock.
      running_ = true;
      add(batch_);
      return Pushed::must_run;
    }
    add(incoming_);
    arrived_.store(incoming_.size, std::memory_order_relaxed);
    return Pushed::queued;
  }
  void release(Buffer& buffer);
  void settle();

  // Takes what has arrived as the next batch. False: nothing has.
  bool refill(std::size_t* size);

  mutable TinyMutex mutex_;
  bool running_ = false;  // guarded by mutex_; from the push that said must_run to become_idle()
  bool settle_ = false;  // guarded by mutex_: the buffers are not as become_idle() is to leave them
  std::uint8_t calm_ = 0;  // guarded by mutex_, of settle()
  Handle handle_ = 0;      // guarded by mutex_; 0 when closed
  Service* service_ = nullptr;
  // The worker's while running_, else guarded by mutex_:
  Buffer batch_{own_, 0, kOwnRoom};
  std::uint32_t next_ = 0;  // index of the oldest message in batch_

  std::atomic<std::uint32_t> arrived_{0};  // incoming_.size, for a look without the lock

  // Of the buffer that has not grown, if any. A message that comes alone is the first one, on the line of all the above.
  Message own_[kOwnRoom];
  Buffer incoming_;  // guarded by mutex_
};

static_assert(sizeof(Mailbox) == 128);

}  // namespace runtime
