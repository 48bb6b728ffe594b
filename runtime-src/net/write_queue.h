// The bytes that one stream still has to send.
//
// Two lines of blocks: normal ones, and low ones that go out only while no normal block waits. What
// is sent in one go is the normal line and then the low one; a low block that went out in part
// becomes the front of the normal line, so that nothing comes between its halves.
//
//   next to leave ->  [rest of a block that has begun] [normal] [normal] ...   [low] [low] ...
//
// Small pieces of the normal line share blocks: many small sends leave as one piece of memory. What is
// sent while nothing waits goes into a small block that is part of the queue, if it fits.
//
// Threads: none of its own; the socket's mutex guards it. Between gather() and consume() the mutex may be
//          released, and others may append, but only one thread at a time gathers and consumes, and nobody
//          clears.
// Memory:  what waits is on no service's account, as it may outlive the one that has sent it.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>

namespace runtime {

class WriteQueue {
 public:
  enum class Line { normal, low };

  WriteQueue() = default;
  ~WriteQueue() { clear(); }
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;

  std::size_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }

  // Appends a copy.
  void append(Line line, std::string_view bytes);
  // Appends `size` bytes at `memory`, from malloc, and owns them.
  void append_owned(Line line, char* memory, std::size_t size);
  // The same, of which the first `sent` bytes have left already: the rest goes in front of
  // everything.
  void begin_with(std::string_view rest);
  void begin_with_owned(char* memory, std::size_t size, std::size_t sent);

  // Points `pieces` at the bytes that leave next, in order, and tells how many it filled; `bytes`
  // becomes their sum.
  int gather(std::span<iovec> pieces, std::size_t* bytes) {
    const std::string_view small = gather_small();
    if (small.empty()) return gather_all(pieces, bytes);
    pieces[0] = {const_cast<char*>(small.data()), small.size()};
    *bytes = small.size();
    return 1;
  }
  // The same, if one small message is all that waits; else empty, and nothing is told.
  std::string_view gather_small() {
    if (!only_small()) return {};
    gathered_normal_ = small_.size();
    return {small_.data + small_.begin, small_.size()};
  }
  // The first `count` bytes of what gather() told have left.
  void consume(std::size_t count) {
    if (!only_small() || count != small_.size()) return consume_part(count);
    normal_ = {};
    bytes_ = 0;
  }

  void clear();

 private:
  struct Block {
    Block* next;
    char* data;         // behind this struct, or memory of its own (owned)
    std::size_t begin;  // data[begin, end) waits
    std::size_t end;
    std::size_t capacity;
    char* owned;  // null when data is behind this struct

    std::size_t size() const { return end - begin; }
    std::size_t room() const { return capacity - end; }
    void add(std::string_view bytes);
  };
  struct Chain {
    Block* head = nullptr;
    Block* tail = nullptr;
    void push_back(Block* block);
    void push_front(Block* block);
    Block* pop_front();
  };

  Chain& chain(Line line) { return line == Line::normal ? normal_ : low_; }
  static Block* make(std::size_t capacity);
  static Block* make_owned(char* memory, std::size_t size, std::size_t sent);
  void destroy(Block* block);
  void take(Chain& chain, std::size_t count);
  // One small message is all that waits, as nearly always.
  bool only_small() const {
    return normal_.head == &small_ && small_.next == nullptr && low_.head == nullptr;
  }
  int gather_all(std::span<iovec> pieces, std::size_t* bytes);
  void consume_part(std::size_t count);

  // Most messages fit, as do the responses of a game.
  static constexpr std::size_t kSmallBytes = 192;

  Chain normal_;
  Chain low_;
  std::size_t bytes_ = 0;
  std::size_t gathered_normal_ = 0;  // how much of the last gather() came from the normal line
  Block small_;                      // with data in small_bytes_; used only when nothing waits
  char small_bytes_[kSmallBytes];
};

}  // namespace runtime
