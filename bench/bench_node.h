// A node for benchmarks of the path of a message, with services in C that keep it busy without Lua.
//
// "driver" sends requests to a service, each when the one before it has been answered; "answerer"
// answers everything at once. The log service of the node drops what it gets.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/environment.h"
#include "core/node.h"

namespace runtime {

// What a driver is to do. Its sender keeps it until the job is done.
struct Job {
  Handle to = 0;
  int type = kTypeText;
  std::string request;  // payload of each request
  // Payload of `burst` messages that go before each request, wanting no answer.
  std::string before = {};
  int burst = 0;
  std::int64_t requests = 0;  // how many are left
  std::atomic<std::uint32_t> done{0};
};

class BenchNode {
 public:
  // `environment` is for Lua services, and may be filled before.
  explicit BenchNode(int threads,
                     std::unique_ptr<Environment> environment = std::make_unique<Environment>());
  ~BenchNode();

  Handle launch(std::string_view module, const char* args = nullptr);

  // Has each driver do its job, and waits for the last one. From a thread that is no worker.
  void run(const std::vector<Handle>& drivers, std::vector<std::unique_ptr<Job>>& jobs);

 private:
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<Node> node_;
};

}  // namespace runtime
