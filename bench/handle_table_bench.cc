#include <benchmark/benchmark.h>

#include <vector>

#include "core/handle_table.h"

namespace runtime {
namespace {

constexpr int kServices = 10'000;

// As many services as a busy node has. Mailboxes need a service only to hand it out.
struct Crowd {
  Crowd() {
    Mailbox* mailbox;
    for (Handle& handle : handles) table.add(reinterpret_cast<Service*>(this), &handle, &mailbox);
  }
  HandleTable table{0};
  std::vector<Handle> handles = std::vector<Handle>(kServices);
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

}  // namespace
}  // namespace runtime
