#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "core/mailbox.h"

namespace runtime {
namespace {

constexpr Handle kHandle = 8;

// A mailbox needs a service only to hand it out.
struct Running : Mailbox {
  Running() { open(kHandle, reinterpret_cast<Service*>(this)); }
};

struct Idle : Running {
  Idle() { become_idle(); }
};

// One message handed over with nobody else at the mailbox: the floor for a message between two
// services.
void push_and_pop(benchmark::State& state) {
  Idle mailbox;
  const Message message = Message::make(1, kTypeLua, 1, nullptr, 0);
  Message taken;
  std::size_t waiting;
  for (auto _ : state) {
    benchmark::DoNotOptimize(mailbox.push(kHandle, message));
    mailbox.pop(&taken, &waiting);
    benchmark::DoNotOptimize(taken);
    mailbox.become_idle();
  }
}
BENCHMARK(push_and_pop)->Name("mailbox/push_and_pop");

// The same when so many wait: batches are drained without the lock.
void fill_and_drain(benchmark::State& state) {
  Idle mailbox;
  const Message message = Message::make(1, kTypeLua, 1, nullptr, 0);
  Message taken;
  std::size_t waiting;
  for (auto _ : state) {
    for (std::int64_t i = 0; i < state.range(0); ++i)
      benchmark::DoNotOptimize(mailbox.push(kHandle, message));
    while (mailbox.pop(&taken, &waiting)) benchmark::DoNotOptimize(taken);
    mailbox.become_idle();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fill_and_drain)->Name("mailbox/fill_and_drain")->Arg(10)->Arg(1'000)->Arg(100'000);

// What does a message cost when producers compete, and the consumer takes them meanwhile?
void producers(benchmark::State& state) {
  constexpr std::int64_t kEach = 200'000;
  const std::int64_t total = state.range(0) * kEach;
  for (auto _ : state) {
    Running mailbox;
    std::vector<std::thread> threads;
    for (std::int64_t t = 0; t < state.range(0); ++t) {
      threads.emplace_back([&mailbox, t] {
        const Message message = Message::make(static_cast<Handle>(t + 1), kTypeLua, 1, nullptr, 0);
        for (std::int64_t i = 0; i < kEach; ++i)
          benchmark::DoNotOptimize(mailbox.push(kHandle, message));
      });
    }
    Message taken;
    std::size_t waiting;
    for (std::int64_t count = 0; count < total;) {
      if (mailbox.pop(&taken, &waiting)) {
        ++count;
      } else {
        std::this_thread::yield();
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
  state.SetItemsProcessed(state.iterations() * total);
}
BENCHMARK(producers)->Name("mailbox/producers")->Arg(1)->Arg(2)->Arg(4)->Arg(8)->UseRealTime();

}  // namespace
}  // namespace runtime
