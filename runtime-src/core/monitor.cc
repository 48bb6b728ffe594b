#include "core/monitor.h"

#include <chrono>
#include <vector>

#include "base/clock.h"
#include "base/futex.h"
#include "base/start_thread.h"

namespace runtime {

namespace {
constexpr std::chrono::seconds kInterval{5};
}

Monitor::Monitor(const Scheduler& scheduler, std::function<void(const WorkerProgress&)> report)
    : scheduler_(scheduler), report_(std::move(report)) {}

Monitor::~Monitor() { stop(); }

int Monitor::start() {
  return start_thread(thread_, [this] { run(); });
}

void Monitor::stop() {
  if (!thread_.joinable()) return;
  stopping_.store(1);
  futex_wake(stopping_, 1);
  thread_.join();
}

void Monitor::run() {
  std::vector<std::uint32_t> versions(scheduler_.threads());
  for (;;) {
    const std::int64_t until = monotonic_ns() + std::chrono::nanoseconds(kInterval).count();
    for (std::int64_t left; (left = until - monotonic_ns()) > 0;) {
      if (stopping_.load() != 0) return;
      futex_wait(stopping_, 0, std::chrono::nanoseconds(left));
    }
    for (std::size_t i = 0; i < versions.size(); ++i) {
      const WorkerProgress progress = scheduler_.worker(i).progress();
      if (progress.destination != 0 && progress.version == versions[i]) report_(progress);
      versions[i] = progress.version;
    }
  }
}

}  // namespace runtime
