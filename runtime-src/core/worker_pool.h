// All workers, and the queue for what threads that are no workers made runnable.
//
// Threads: any; take() and steal() from the worker's own.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "core/worker.h"

namespace runtime {

class WorkerPool {
 public:
  WorkerPool(Scheduler& scheduler, std::size_t workers) {
    for (std::size_t i = 0; i < workers; ++i)
      workers_.push_back(std::make_unique<Worker>(scheduler, i));
  }

  std::size_t size() const { return workers_.size(); }
  Worker& operator[](std::size_t index) { return *workers_[index]; }
  const Worker& operator[](std::size_t index) const { return *workers_[index]; }

  // For any worker to run.
  void share(std::span<Service* const> services) {
    std::lock_guard lock(mutex_);
    for (Service* service : services) shared_.push(service);
    note_size();
  }
  // The first of what was shared, or null.
  Service* take_shared() {
    if (shared_size_.load(std::memory_order_relaxed) == 0) return nullptr;
    std::lock_guard lock(mutex_);
    Service* service = shared_.pop();
    note_size();
    return service;
  }
  // From the queue of some other worker, or null. Slots are left alone: what is in one is about to
  // run.
  Service* steal(Worker& self) {
    const std::size_t from = self.random();
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      Worker& victim = *workers_[(from + i) % workers_.size()];
      if (&victim == &self) continue;
      if (Service* service = self.steal(victim)) return service;
    }
    return nullptr;
  }
  bool anything_queued() const {
    if (shared_size_.load(std::memory_order_relaxed) != 0) return true;
    return std::ranges::any_of(workers_, [](const auto& worker) { return worker->has_queued(); });
  }

 private:
  void note_size() {
    shared_size_.store(static_cast<std::uint32_t>(shared_.size()), std::memory_order_relaxed);
  }

  std::vector<std::unique_ptr<Worker>> workers_;
  std::mutex mutex_;
  ServiceQueue shared_;  // guarded by mutex_
  // The size of shared_, written under mutex_. Orders nothing, as Worker::queued(): that one that
  // parks does not overlook it is the affair of Parking.
  std::atomic<std::uint32_t> shared_size_{0};
};

}  // namespace runtime
