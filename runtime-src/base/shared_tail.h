// Pages at the end of blocks that are the same in hundreds of copies of one heap, and seldom written to: instead of memory of
// their own they can have one memory file, until they are written to (a private mapping).
//
// What hundreds of Lua states have in common, and each reads all the time, is then in the processor's caches once.
//
// Threads: any, for each function; nobody else uses the pages that a function is given.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

namespace runtime {

class SharedTail {
 public:
  static constexpr std::size_t kPage = 4096;
  // Each takes two mappings more, of which Linux allows a process 65,530 (vm.max_map_count).
  static constexpr std::size_t kMostShared = 16000;

  // For pages that begin with the `size` bytes at `tail`, the rest of the last one being of no use: what this returned
  // last, if it is for the same and anyone still has it. Null where that cannot be: other sizes of pages, no memory file.
  static std::shared_ptr<SharedTail> of(const void* tail, std::size_t size);
  ~SharedTail();
  SharedTail(const SharedTail&) = delete;
  SharedTail& operator=(const SharedTail&) = delete;

  // The pages from `begin` on become the file's. False, with the pages as they were, if they do not hold the same, do not
  // begin where a page does, or there are kMostShared already.
  bool share(char* begin);
  // They are memory of their own again, and hold anything.
  void unshare(char* begin);

 private:
  explicit SharedTail(std::size_t size) : size_(size) {}
  bool open(const void* tail);
  std::size_t bytes() const { return (size_ + kPage - 1) / kPage * kPage; }

  static std::atomic<std::size_t> shared_;  // in the process

  const std::size_t size_;
  int file_ = -1;
  const char* tail_ = nullptr;  // the file's pages
};

}  // namespace runtime
