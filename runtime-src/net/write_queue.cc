#include "net/write_queue.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/memory_ledger.h"
#include "base/memory_reserve.h"

namespace runtime {
namespace {

// Memory of this size is what allocators hand out fastest.
constexpr std::size_t kSharedBlockBytes = 4096;
// Owned memory of up to this size is copied into a shared block: cheaper than a block and a piece
// of its own.
constexpr std::size_t kCopyBytes = 1024;

}  // namespace

void WriteQueue::Block::add(std::string_view bytes) {
  std::memcpy(data + end, bytes.data(), bytes.size());
  end += bytes.size();
}

WriteQueue::Block* WriteQueue::make(std::size_t capacity) {
  auto* block =
      static_cast<Block*>(needed([capacity] { return allocate_given(sizeof(Block) + capacity); }));
  *block = {nullptr, reinterpret_cast<char*>(block + 1), 0, 0, capacity, nullptr};
  return block;
}

WriteQueue::Block* WriteQueue::make_owned(char* memory, std::size_t size, std::size_t sent) {
  auto* block = static_cast<Block*>(needed([] { return allocate_given(sizeof(Block)); }));
  give_bytes(block_bytes(memory));
  *block = {nullptr, memory, sent, size, size, memory};
  return block;
}

void WriteQueue::destroy(Block* block) {
  if (block == &small_) return;
  free_given(block->owned);
  free_given(block);
}

void WriteQueue::Chain::push_back(Block* block) {
  block->next = nullptr;
  (tail != nullptr ? tail->next : head) = block;
  tail = block;
}

void WriteQueue::Chain::push_front(Block* block) {
  block->next = head;
  head = block;
  if (tail == nullptr) tail = block;
}

WriteQueue::Block* WriteQueue::Chain::pop_front() {
  Block* block = head;
  head = block->next;
  if (head == nullptr) tail = nullptr;
  return block;
}

void WriteQueue::append(Line line, std::string_view bytes) {
  if (bytes.empty()) return;
  if (bytes_ == 0 && line == Line::normal && bytes.size() <= kSmallBytes) {
    small_ = {nullptr, small_bytes_, 0, 0, kSmallBytes, nullptr};
    small_.add(bytes);
    bytes_ = bytes.size();
    normal_.push_back(&small_);
    return;
  }
  bytes_ += bytes.size();
  if (line == Line::low) {
    // A block of its own: what is said of blocks is said of whole sends.
    Block* block = make(bytes.size());
    block->add(bytes);
    low_.push_back(block);
    return;
  }
  if (normal_.tail != nullptr) {
    const std::string_view fits = bytes.substr(0, normal_.tail->room());
    normal_.tail->add(fits);
    bytes.remove_prefix(fits.size());
    if (bytes.empty()) return;
  }
  Block* block = make(std::max(bytes.size(), kSharedBlockBytes - sizeof(Block)));
  block->add(bytes);
  normal_.push_back(block);
}

void WriteQueue::append_owned(Line line, char* memory, std::size_t size) {
  if (size <= kCopyBytes) {
    append(line, {memory, size});
    std::free(memory);
    return;
  }
  bytes_ += size;
  chain(line).push_back(make_owned(memory, size, 0));
}

void WriteQueue::begin_with(std::string_view rest) {
  Block* block = make(rest.size());
  block->add(rest);
  bytes_ += rest.size();
  normal_.push_front(block);
}

void WriteQueue::begin_with_owned(char* memory, std::size_t size, std::size_t sent) {
  bytes_ += size - sent;
  normal_.push_front(make_owned(memory, size, sent));
}

int WriteQueue::gather_all(std::span<iovec> pieces, std::size_t* bytes) {
  std::size_t count = 0;
  std::size_t sum = 0;
  for (const Block* block = normal_.head; block != nullptr && count < pieces.size();
       block = block->next) {
    pieces[count++] = {block->data + block->begin, block->size()};
    sum += block->size();
  }
  gathered_normal_ = sum;
  for (const Block* block = low_.head; block != nullptr && count < pieces.size();
       block = block->next) {
    pieces[count++] = {block->data + block->begin, block->size()};
    sum += block->size();
  }
  *bytes = sum;
  return static_cast<int>(count);
}

// Removes the first `count` bytes of `chain`, which are there.
void WriteQueue::take(Chain& chain, std::size_t count) {
  while (count > 0 && count >= chain.head->size()) {
    count -= chain.head->size();
    destroy(chain.pop_front());
  }
  if (count > 0) chain.head->begin += count;
}

void WriteQueue::consume_part(std::size_t count) {
  bytes_ -= count;
  // What was appended to the normal line since gather() must not be taken for what came from the
  // low one.
  const std::size_t normal = std::min(count, gathered_normal_);
  take(normal_, normal);
  const std::size_t low = count - normal;
  take(low_, low);
  if (low > 0 && low_.head != nullptr && low_.head->begin > 0) normal_.push_front(low_.pop_front());
}

void WriteQueue::clear() {
  while (normal_.head != nullptr) destroy(normal_.pop_front());
  while (low_.head != nullptr) destroy(low_.pop_front());
  bytes_ = 0;
}

}  // namespace runtime
