// Looks every few seconds whether a worker is still at the same message.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "core/scheduler.h"

namespace runtime {

class Monitor {
 public:
  // `report` is called on the monitor's thread for each worker whose message takes longer than the interval.
  Monitor(const Scheduler& scheduler, std::function<void(const WorkerProgress&)> report);
  ~Monitor();

  void start();
  void stop();

 private:
  void run();

  const Scheduler& scheduler_;
  const std::function<void(const WorkerProgress&)> report_;
  std::atomic<std::uint32_t> stopping_{0};
  std::thread thread_;
};

}  // namespace runtime
