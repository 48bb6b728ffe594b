#include "services/harbor.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/memory_ledger.h"
#include "core/node.h"
#include "core/remote_message.h"
#include "skynet_harbor.h"

namespace runtime {
namespace {

struct Waiting {
  std::uint32_t source;
  int session;
  int type;
  void* data;
  std::size_t size;
};

class Harbor {
 public:
  ~Harbor() {
    for (auto& [name, entry] : names_) drop(entry.waiting);
  }

  bool init(skynet_context* context, const char* args) {
    unsigned id = 0, slave = 0;
    if (args == nullptr || std::sscanf(args, "%u %u", &id, &slave) != 2 || slave == 0) {
      skynet_error(context,
                   "error: harbor: the arguments must be a node id and the slave's handle");
      return false;
    }
    context_ = context;
    slave_ = slave;
    return true;
  }

  void on_name(std::string_view name, std::uint32_t handle) {
    Entry& entry = names_[std::string(name)];
    entry.handle = handle;
    for (const Waiting& message : entry.waiting) pass_on(message, handle);
    entry.waiting.clear();
  }

  void on_message(std::uint32_t source, int session, const void* data, std::size_t size) {
    const RemoteMessage* envelope =
        remote_message(data, size, Service::from(context_).node().remote_mark);
    if (envelope == nullptr) return drop_foreign(source, session);
    const RemoteMessage& remote = *envelope;
    take_bytes(block_bytes(remote.data));
    const Waiting message{source, session, remote.type, remote.data, remote.size};
    if (remote.name[0] == '\0') {
      drop_remote(message, remote.destination);
      return;
    }
    Entry& entry = names_[std::string(remote.name, strnlen(remote.name, GLOBALNAME_LENGTH))];
    if (entry.handle != 0) {
      pass_on(message, entry.handle);
      return;
    }
    entry.waiting.push_back(message);
    if (entry.waiting.size() == 1) {
      std::string query = "Q " + std::string(remote.name, strnlen(remote.name, GLOBALNAME_LENGTH));
      skynet_send(context_, 0, slave_, PTYPE_TEXT, 0, query.data(), query.size());
    }
  }

 private:
  struct Entry {
    std::uint32_t handle = 0;
    std::vector<Waiting> waiting;  // messages, in the order in which they came; their data is ours
  };

  void pass_on(const Waiting& message, std::uint32_t handle) {
    const int result =
        skynet_send(context_, message.source, handle, message.type | PTYPE_TAG_DONTCOPY,
                    message.session, message.data, message.size);
    if (result < 0) refuse(message, handle);
  }

  void refuse(const Waiting& message, std::uint32_t handle) {
    if (message.session == 0 || message.type == PTYPE_RESPONSE || message.type == PTYPE_ERROR)
      return;
    skynet_send(context_, handle, message.source, PTYPE_ERROR, message.session, nullptr, 0);
  }

  void drop_foreign(std::uint32_t source, int session) {
    skynet_error(context_, "error: harbor: a message from :%08x is none for another node", source);
    refuse({source, session, PTYPE_SYSTEM, nullptr, 0}, 0);
  }

  void drop_remote(const Waiting& message, std::uint32_t destination) {
    skynet_error(context_, "Drop message to harbor %d from %x to %x (session = %d, msgsz = %d)",
                 static_cast<int>(destination >> 24), message.source, destination, message.session,
                 static_cast<int>(message.size));
    std::free(message.data);
    refuse(message, destination);
  }

  static void drop(std::vector<Waiting>& messages) {
    for (const Waiting& message : messages) std::free(message.data);
    messages.clear();
  }

  skynet_context* context_ = nullptr;
  std::uint32_t slave_ = 0;
  std::unordered_map<std::string, Entry> names_;
};

int on_harbor_message(skynet_context*, void* userdata, int type, int session, std::uint32_t source,
                      const void* data, std::size_t size) {
  auto& harbor = *static_cast<Harbor*>(userdata);
  if (type == PTYPE_HARBOR) {
    const std::string_view text(static_cast<const char*>(data), size);
    if (text.starts_with("N ")) harbor.on_name(text.substr(2), source);
  } else if (type == PTYPE_SYSTEM) {
    harbor.on_message(source, session, data, size);
  }
  return 0;
}

}  // namespace
}  // namespace runtime

void* harbor_create(void) { return new runtime::Harbor; }

int harbor_init(void* instance, skynet_context* context, const char* args) {
  if (!static_cast<runtime::Harbor*>(instance)->init(context, args)) return 1;
  skynet_callback(context, instance, runtime::on_harbor_message);
  auto& service = runtime::Service::from(context);
  service.node().harbor_service.store(service.handle());
  return 0;
}

void harbor_release(void* instance) { delete static_cast<runtime::Harbor*>(instance); }
