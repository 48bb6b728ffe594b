#include "net/resolver.h"

#include <netdb.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "base/start_thread.h"

namespace runtime {
namespace {

constexpr auto kIdleTime = std::chrono::seconds(10);

struct Job {
  int id;
  std::string host;
  int port;
};

}  // namespace

Resolved resolve_here(const std::string& host, int port, int socket_type, ResolveFor purpose) {
  // The library would take its lower 16 bits.
  if (port < 0 || port > Address::kMaxPort) return {{}, "invalid port " + std::to_string(port)};
  const bool passive = purpose == ResolveFor::own_end;
  if (passive && host.empty()) return {{*Address::parse("0.0.0.0", port)}, {}};
  if (const auto numeric = Address::parse(host, port)) return {{*numeric}, {}};
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = socket_type;
  hints.ai_flags = passive ? AI_PASSIVE : 0;
  addrinfo* list = nullptr;
  errno = 0;
  const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  Resolved result;
  if (status != 0) {
    // Without a descriptor for its files and servers the library says that there is no such name.
    const bool no_descriptor = errno == EMFILE || errno == ENFILE;
    result.error =
        status == EAI_SYSTEM || no_descriptor ? std::strerror(errno) : gai_strerror(status);
    return result;
  }
  for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
    const Address address = Address::from(one->ai_addr);
    if (address.family() != AF_UNSPEC) result.addresses.push_back(address);
  }
  freeaddrinfo(list);
  if (result.addresses.empty()) result.error = gai_strerror(EAI_NONAME);
  return result;
}

struct Resolver::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Job> jobs;  // guarded by mutex, as is the rest
  int threads = 0;
  int idle = 0;
  bool closed = false;
  Deliver deliver;

  // The life of one thread.
  static void work(const std::shared_ptr<State>& self) {
    std::unique_lock lock(self->mutex);
    for (;;) {
      if (self->jobs.empty() && !self->closed) {
        ++self->idle;
        self->changed.wait_for(lock, kIdleTime,
                               [&] { return self->closed || !self->jobs.empty(); });
        --self->idle;
      }
      if (self->closed || self->jobs.empty()) break;
      const Job job = std::move(self->jobs.front());
      self->jobs.pop_front();
      lock.unlock();
      Resolved result = resolve_here(job.host, job.port, SOCK_STREAM, ResolveFor::peer);
      lock.lock();
      // Under the mutex, so that it cannot happen after the resolver's end.
      if (!self->closed) self->deliver(job.id, std::move(result));
    }
    --self->threads;
  }
};

Resolver::Resolver(Deliver deliver) : state_(std::make_shared<State>()) {
  state_->deliver = std::move(deliver);
}

Resolver::~Resolver() {
  const std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->jobs.clear();
  state_->changed.notify_all();
}

void Resolver::resolve(int id, std::string host, int port) {
  const std::lock_guard lock(state_->mutex);
  state_->jobs.push_back({id, std::move(host), port});
  // An idle thread that was woken but has not come round yet counts as idle, hence the comparison.
  if (state_->idle < static_cast<int>(state_->jobs.size()) && state_->threads < kMaxThreads) {
    std::thread thread;
    const int error = start_thread(thread, [state = state_] { State::work(state); });
    if (error == 0) {
      thread.detach();
      ++state_->threads;
    } else if (state_->threads == 0) {  // else one of those comes to it
      state_->jobs.pop_back();
      state_->deliver(id, {{}, std::strerror(error)});
    }
  } else {
    state_->changed.notify_one();
  }
}

}  // namespace runtime
