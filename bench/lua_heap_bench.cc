// LuaHeap beside malloc, with the sizes that Lua asks for.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <vector>

#include "base/lua_heap.h"

namespace runtime {
namespace {

// What stands behind a lua_Alloc: the heap, or malloc as luaL_newstate() uses it.
struct Malloc {
  static void* alloc(void*, void* block, std::size_t, std::size_t new_size) {
    if (new_size != 0) return std::realloc(block, new_size);
    std::free(block);
    return nullptr;
  }
};

// Sizes in the proportion that a running service has them: tables, strings, closures, nodes, a few
// arrays.
std::vector<std::size_t> lua_sizes(std::size_t count) {
  constexpr std::size_t kCommon[] = {56, 56, 56, 32, 40, 40,  48, 30, 25,
                                     36, 24, 96, 96, 48, 192, 16, 64, 384};
  std::mt19937 random(1);
  std::vector<std::size_t> sizes(count);
  for (std::size_t& size : sizes) {
    size = random() % 200 == 0 ? 3000 + random() % 8000 : kCommon[random() % std::size(kCommon)];
  }
  return sizes;
}

// One block freed and another made, in a heap of 10,000 blocks: the steady state of a collected
// heap.
template <class Allocator>
void churn(benchmark::State& state) {
  constexpr std::size_t kLive = 10000;
  Allocator heap;
  const std::vector<std::size_t> sizes = lua_sizes(1 << 16);
  std::mt19937 random(2);
  struct Block {
    void* data;
    std::size_t size;
  };
  std::vector<Block> blocks(kLive);
  std::size_t i = 0;
  const auto make = [&](Block& block) {
    block.size = sizes[i++ % sizes.size()];
    block.data = Allocator::alloc(&heap, nullptr, 0, block.size);
    *static_cast<char*>(block.data) = 1;
  };
  for (Block& block : blocks) make(block);
  for (auto _ : state) {
    Block& block = blocks[random() % kLive];
    Allocator::alloc(&heap, block.data, block.size, 0);
    make(block);
  }
  for (const Block& block : blocks) Allocator::alloc(&heap, block.data, block.size, 0);
}
BENCHMARK(churn<LuaHeap>)->Name("lua_heap/churn<LuaHeap>");
BENCHMARK(churn<Malloc>)->Name("lua_heap/churn<Malloc>");

// A temporary made and dropped at once: the cheapest case of both.
template <class Allocator>
void one_block(benchmark::State& state) {
  Allocator heap;
  for (auto _ : state) {
    void* block = Allocator::alloc(&heap, nullptr, 0, 56);
    benchmark::DoNotOptimize(block);
    Allocator::alloc(&heap, block, 56, 0);
  }
}
BENCHMARK(one_block<LuaHeap>)->Name("lua_heap/one_block<LuaHeap>");
BENCHMARK(one_block<Malloc>)->Name("lua_heap/one_block<Malloc>");

// A table that grows to 4096 slots: what doubling by realloc costs.
template <class Allocator>
void growing_array(benchmark::State& state) {
  Allocator heap;
  for (auto _ : state) {
    void* block = nullptr;
    std::size_t size = 0;
    for (std::size_t next = 64; next <= 65536; next *= 2) {
      block = Allocator::alloc(&heap, block, size, next);
      size = next;
    }
    Allocator::alloc(&heap, block, size, 0);
  }
}
BENCHMARK(growing_array<LuaHeap>)->Name("lua_heap/growing_array<LuaHeap>");
BENCHMARK(growing_array<Malloc>)->Name("lua_heap/growing_array<Malloc>");

// The life of a small service: 400 blocks, all freed at the end; the heap frees them at once.
void short_life_heap(benchmark::State& state) {
  const std::vector<std::size_t> sizes = lua_sizes(400);
  for (auto _ : state) {
    LuaHeap heap;
    for (const std::size_t size : sizes)
      benchmark::DoNotOptimize(LuaHeap::alloc(&heap, nullptr, 0, size));
  }
}
BENCHMARK(short_life_heap)->Name("lua_heap/short_life_heap");

void short_life_malloc(benchmark::State& state) {
  const std::vector<std::size_t> sizes = lua_sizes(400);
  std::vector<void*> blocks(sizes.size());
  for (auto _ : state) {
    for (std::size_t i = 0; i < sizes.size(); ++i) blocks[i] = std::malloc(sizes[i]);
    for (void* block : blocks) std::free(block);
  }
}
BENCHMARK(short_life_malloc)->Name("lua_heap/short_life_malloc");

// A search for empty chunks in a heap of 64 MB of which a quarter is used, all over the place: the
// price of giving memory back, paid once after the heap has shrunk.
void trim_of_a_fragmented_heap(benchmark::State& state) {
  for (auto _ : state) {
    state.PauseTiming();
    {
      LuaHeap heap;
      std::vector<void*> blocks(1 << 20);
      for (void*& block : blocks) block = LuaHeap::alloc(&heap, nullptr, 0, 64);
      for (std::size_t i = 0; i < blocks.size(); ++i) {
        if (i % 4 != 0) LuaHeap::alloc(&heap, blocks[i], 64, 0);
      }
      state.ResumeTiming();
      benchmark::DoNotOptimize(heap.trim());
      state.PauseTiming();
    }
    state.ResumeTiming();
  }
}
BENCHMARK(trim_of_a_fragmented_heap)
    ->Name("lua_heap/trim_of_a_fragmented_heap")
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace runtime
