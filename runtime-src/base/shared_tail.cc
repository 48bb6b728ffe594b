#include "base/shared_tail.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <mutex>

#include "base/check.h"

namespace runtime {

// A count alone: relaxed.
std::atomic<std::size_t> SharedTail::shared_ = 0;

std::shared_ptr<SharedTail> SharedTail::of(const void* tail, std::size_t size) {
  static std::mutex mutex;
  static std::weak_ptr<SharedTail> last;
  const std::lock_guard lock(mutex);
  std::shared_ptr<SharedTail> made = last.lock();
  if (made != nullptr && made->size_ == size && std::memcmp(made->tail_, tail, size) == 0)
    return made;
  made.reset(new SharedTail(size));
  if (sysconf(_SC_PAGESIZE) != kPage || !made->open(tail)) return nullptr;
  last = made;
  return made;
}

bool SharedTail::open(const void* tail) {
  file_ = memfd_create("shared tail", MFD_CLOEXEC);
  if (file_ < 0 || ftruncate(file_, static_cast<off_t>(bytes())) != 0) return false;
  if (pwrite(file_, tail, size_, 0) != static_cast<ssize_t>(size_)) return false;
  void* const pages = mmap(nullptr, bytes(), PROT_READ, MAP_SHARED, file_, 0);
  if (pages == MAP_FAILED) return false;
  tail_ = static_cast<const char*>(pages);
  return true;
}

SharedTail::~SharedTail() {
  if (tail_ != nullptr) munmap(const_cast<char*>(tail_), bytes());
  if (file_ >= 0) close(file_);
}

bool SharedTail::share(char* begin) {
  if (reinterpret_cast<std::uintptr_t>(begin) % kPage != 0) return false;
  if (std::memcmp(begin, tail_, size_) != 0) return false;
  if (shared_.fetch_add(1, std::memory_order_relaxed) < kMostShared &&
      mmap(begin, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_, 0) != MAP_FAILED)
    return true;
  shared_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

// malloc counts on pages that it gives back to the kernel being empty from then on; those of a file are not.
void SharedTail::unshare(char* begin) {
  void* const own =
      mmap(begin, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  RUNTIME_CHECK(own == begin, "pages can be mapped where others were");
  shared_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace runtime
