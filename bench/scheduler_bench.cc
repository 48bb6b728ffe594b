#include <benchmark/benchmark.h>

#include "bench_node.h"

namespace runtime {
namespace {

constexpr std::int64_t kRequests = 20'000;

// One message from a service in C to another one and the way to it: find, enqueue, schedule,
// dequeue, call. `workers` and pairs of services that talk to each other are the arguments.
void hand_over(benchmark::State& state) {
  BenchNode node(static_cast<int>(state.range(0)));
  std::vector<Handle> drivers;
  std::vector<std::unique_ptr<Job>> jobs;
  for (std::int64_t i = 0; i < state.range(1); ++i) {
    drivers.push_back(node.launch("driver"));
    jobs.push_back(std::make_unique<Job>());
    jobs.back()->to = node.launch("answerer");
    jobs.back()->request = "0123456789abcdef";
  }
  for (auto _ : state) {
    for (auto& job : jobs) job->requests = kRequests;
    node.run(drivers, jobs);
  }
  state.SetItemsProcessed(state.iterations() * state.range(1) * kRequests * 2);
}
BENCHMARK(hand_over)
    ->Name("scheduler/hand_over")
    ->ArgNames({"workers", "pairs"})
    ->Args({1, 1})
    ->Args({2, 1})
    ->Args({2, 8})
    ->Args({16, 8})
    ->UseRealTime();

// How long does it take from a message of a foreign thread until that thread hears that a service
// has answered another one? Two threads are woken, the worker and the foreign one.
void from_outside(benchmark::State& state) {
  BenchNode node(2);
  const std::vector<Handle> drivers{node.launch("driver")};
  std::vector<std::unique_ptr<Job>> jobs;
  jobs.push_back(std::make_unique<Job>());
  jobs[0]->to = node.launch("answerer");
  for (auto _ : state) {
    jobs[0]->requests = 1;
    node.run(drivers, jobs);
  }
}
BENCHMARK(from_outside)
    ->Name("scheduler/from_outside")
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace runtime
