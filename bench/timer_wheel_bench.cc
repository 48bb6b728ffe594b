#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/timer_wheel.h"

namespace runtime {
namespace {

// Due times as services ask for them: most within seconds, some within an hour.
std::vector<Ticks> mixed_delays(std::size_t count) {
  std::mt19937 random(1);
  std::vector<Ticks> delays(count);
  for (Ticks& delay : delays) delay = Ticks{random() % 16 ? random() % 1000 : random() % 360'000};
  return delays;
}

// What does skynet.timeout() pay for the wheel, with this many timers in it?
void add(benchmark::State& state) {
  const auto delays = mixed_delays(static_cast<std::size_t>(state.range(0)));
  TimerWheel wheel;
  for (auto _ : state) {
    for (const Ticks delay : delays) wheel.add(delay, {1, 1});
    state.PauseTiming();
    wheel.clear();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(add)->Name("timer_wheel/add")->Arg(1000)->Arg(1'000'000);

// What does a timer cost from add() to its expiry, when time moves tick by tick?
void add_and_expire(benchmark::State& state) {
  const auto delays = mixed_delays(static_cast<std::size_t>(state.range(0)));
  std::int64_t expired = 0;
  for (auto _ : state) {
    TimerWheel wheel;
    for (const Ticks delay : delays) wheel.add(delay, {1, 1});
    for (Ticks now{0}; wheel.size() > 0; ++now) wheel.advance(now, [&](TimerEntry) { ++expired; });
  }
  benchmark::DoNotOptimize(expired);
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(add_and_expire)
    ->Name("timer_wheel/add_and_expire")
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

// How long does a wake-up take that finds one timer due, far from now?
void jump(benchmark::State& state) {
  TimerWheel wheel;
  Ticks now{0};
  for (auto _ : state) {
    now += Ticks{10'000'000};
    wheel.add(now, {1, 1});
    wheel.advance(now, [](TimerEntry entry) { benchmark::DoNotOptimize(entry); });
  }
}
BENCHMARK(jump)->Name("timer_wheel/jump");

}  // namespace
}  // namespace runtime
