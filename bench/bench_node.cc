#include "bench_node.h"

#include <cstdlib>
#include <cstring>

#include "api/attach.h"
#include "base/check.h"
#include "base/futex.h"
#include "services/builtin_services.h"
#include "skynet.h"

namespace runtime {
namespace {

void send_copy(skynet_context* context, Handle to, int type, int session,
               const std::string& bytes) {
  skynet_send(context, 0, to, type, session, const_cast<char*>(bytes.data()), bytes.size());
}

struct Driver {
  Job* job = nullptr;

  void request(skynet_context* context) const {
    for (int i = 0; i < job->burst; ++i) send_copy(context, job->to, job->type, 0, job->before);
    send_copy(context, job->to, job->type | PTYPE_TAG_ALLOCSESSION, 0, job->request);
  }
};

int on_driver_message(skynet_context* context, void* userdata, int type, int, std::uint32_t,
                      const void* data, std::size_t) {
  auto& driver = *static_cast<Driver*>(userdata);
  if (type == kTypeText) {
    std::memcpy(&driver.job, data, sizeof(driver.job));
  } else {
    RUNTIME_CHECK(type == kTypeResponse, "a benchmark's request has failed");
    if (--driver.job->requests == 0) {
      driver.job->done.store(1);
      futex_wake(driver.job->done, 1);
      return 0;
    }
  }
  driver.request(context);
  return 0;
}

int on_answerer_message(skynet_context* context, void*, int, int session, std::uint32_t source,
                        const void*, std::size_t) {
  if (session != 0) skynet_send(context, 0, source, kTypeResponse, session, nullptr, 0);
  return 0;
}

int init_driver(void* instance, skynet_context* context, const char*) {
  skynet_callback(context, instance, on_driver_message);
  return 0;
}

int init_answerer(void* instance, skynet_context* context, const char*) {
  skynet_callback(context, instance, on_answerer_message);
  return 0;
}

int init_nothing(void*, skynet_context*, const char*) { return 0; }

const std::vector<Module>& modules() {
  static const std::vector<Module> all = [] {
    std::vector<Module> list(builtin_services().begin(), builtin_services().end());
    list.push_back({"silence", nullptr, init_nothing, nullptr, nullptr});
    list.push_back({"driver", [] { return static_cast<void*>(new Driver); }, init_driver,
                    [](void* driver) { delete static_cast<Driver*>(driver); }, nullptr});
    list.push_back({"answerer", nullptr, init_answerer, nullptr, nullptr});
    return list;
  }();
  return all;
}

}  // namespace

BenchNode::BenchNode(int threads, std::unique_ptr<Environment> environment)
    : environment_(std::move(environment)) {
  NodeOptions options;
  options.threads = threads;
  options.harbor = 0;
  options.builtin_modules = modules();
  node_ = std::make_unique<Node>(options, *environment_);
  api::attach(*node_);
  launch("silence");
  node_->start();
}

BenchNode::~BenchNode() {
  node_->abort();
  node_->wait();
  node_->stop();
}

Handle BenchNode::launch(std::string_view module, const char* args) {
  const Handle handle = node_->launch(module, args);
  RUNTIME_CHECK(handle != 0, "a benchmark's service does not start");
  return handle;
}

void BenchNode::run(const std::vector<Handle>& drivers, std::vector<std::unique_ptr<Job>>& jobs) {
  for (std::size_t i = 0; i < drivers.size(); ++i) {
    auto** message = static_cast<Job**>(std::malloc(sizeof(Job*)));
    *message = jobs[i].get();
    jobs[i]->done.store(0);
    node_->deliver(drivers[i], Message::make(0, kTypeText, 0, message, sizeof(Job*)));
  }
  for (auto& job : jobs) {
    while (job->done.load() == 0) futex_wait(job->done, 0);
  }
}

}  // namespace runtime
