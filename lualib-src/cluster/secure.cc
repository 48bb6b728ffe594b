#include "cluster/secure.h"

#include <mutex>
#include <utility>

namespace runtime::cluster {

namespace {

struct Current {
  std::mutex mutex;
  std::shared_ptr<const SecureFactory> factory;  // guarded by mutex
};

Current& current() {
  static Current* const instance = new Current;  // services may use it until the process has ended
  return *instance;
}

}  // namespace

void set_secure_factory(std::shared_ptr<const SecureFactory> factory) {
  const std::lock_guard lock(current().mutex);
  current().factory.swap(factory);
}

std::shared_ptr<const SecureFactory> secure_factory() {
  const std::lock_guard lock(current().mutex);
  return current().factory;
}

}  // namespace runtime::cluster
