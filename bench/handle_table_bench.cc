#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "core/handle_table.h"

namespace runtime {
namespace {

constexpr int kServices = 10'000;

// As many services as a busy node has. Mailboxes need a service only to hand it out.
struct Crowd {
  Crowd() {
    Mailbox* mailbox;
    for (int i = 0; i < kServices; ++i)
      handles.push_back(table.add(reinterpret_cast<Service*>(this), &mailbox));
  }
  HandleTable table{0};
  std::vector<Handle> handles;
};

// The look-up that every send begins with, by so many threads at once: it writes nothing, so they
// should not disturb each other.
void find(benchmark::State& state) {
  static const Crowd crowd;
  std::size_t i = static_cast<std::size_t>(state.thread_index()) * 1237;
  for (auto _ : state) {
    i = (i + 7919) % kServices;  // a prime, so that it comes round to all of them
    benchmark::DoNotOptimize(crowd.table.find(crowd.handles[i]));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find)->Name("handle_table/find")->ThreadRange(1, 16)->UseRealTime();

// What does the life of a handle cost in the table?
void add_and_remove(benchmark::State& state) {
  HandleTable table(0);
  Mailbox* mailbox;
  for (auto _ : state) {
    const Handle handle = table.add(reinterpret_cast<Service*>(&table), &mailbox);
    Mailbox* removed = table.remove(handle);
    removed->close();
    table.recycle(removed);
  }
}
BENCHMARK(add_and_remove)->Name("handle_table/add_and_remove");

}  // namespace
}  // namespace runtime
