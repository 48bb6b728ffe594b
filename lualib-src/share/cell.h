// A value that one service writes and others read: bytes, replaced as a whole (skynet.stm).
//
// Threads: any. Ownership: counted, for the cell and for each of its versions.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>

namespace runtime::share {

// One version: memory from malloc.
struct Bytes {
  Bytes(void* bytes, std::size_t length) : data(bytes), size(length) {}
  ~Bytes() { std::free(data); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  void* const data;
  const std::size_t size;
};

// shared_ptr, as writer and readers are collected by different states in any order.
class Cell {
 public:
  // Takes over `data`, from malloc.
  void write(void* data, std::size_t size) noexcept {
    auto bytes = std::make_shared<const Bytes>(data, size);
    const std::lock_guard lock(mutex_);
    bytes_.swap(bytes);  // the old version goes when the lock is free again
  }

  // Nobody will write any more; there is nothing to read then.
  void close() noexcept {
    std::shared_ptr<const Bytes> bytes;
    const std::lock_guard lock(mutex_);
    bytes_.swap(bytes);
  }

  // Null before the first write and after close().
  std::shared_ptr<const Bytes> read() const noexcept {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Bytes> bytes_;  // guarded by mutex_
};

// Handles with which cells go from service to service, as light userdata in messages: each is good
// for one take(). One that nobody takes keeps its cell. Threads: any.
class CellHandles {
 public:
  // The address of the cell; it may be added several times.
  void* add(std::shared_ptr<Cell> cell) noexcept;
  // Null for what is no handle, or has been taken.
  std::shared_ptr<Cell> take(const void* handle) noexcept;

 private:
  std::mutex mutex_;
  std::multimap<const void*, std::shared_ptr<Cell>> waiting_;  // guarded by mutex_
};

CellHandles& cell_handles() noexcept;

}  // namespace runtime::share
