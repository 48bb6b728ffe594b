// Looks every five seconds whether a worker is still at the same message.
//
// Threads: start() and stop() from one thread; the scheduler must live until stop() returns.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "core/scheduler.h"

namespace runtime {

class Monitor {
 public:
  // `report` is called on the monitor's thread for each worker that was at this message the last
  // time too: it has taken between five and ten seconds, or five more since the last report.
  Monitor(const Scheduler& scheduler, std::function<void(const WorkerProgress&)> report);
  ~Monitor();  // stops

  // 0, or the system's error number when it has no thread for it.
  int start();
  // Waits for the end of the thread. Does nothing when it does not run.
  void stop();

 private:
  void run();

  const Scheduler& scheduler_;
  const std::function<void(const WorkerProgress&)> report_;
  std::atomic<std::uint32_t> stopping_{0};
  std::thread thread_;
};

}  // namespace runtime
