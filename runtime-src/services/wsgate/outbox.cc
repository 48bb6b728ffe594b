#include "services/wsgate/outbox.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "skynet.h"
#include "skynet_malloc.h"
#include "skynet_server.h"

namespace runtime::wsgate {

namespace {

char* allocate(std::size_t size) {
  void* block = skynet_malloc(size);
  RUNTIME_CHECK(block != nullptr, "out of memory");
  return static_cast<char*>(block);
}

// Sends a block, which is gone afterwards.
void post(std::uint32_t to, std::uint32_t source, int type, int session, char* block, std::size_t size) {
  skynet_message message{source, session, block,
                         size | static_cast<std::size_t>(type) << MESSAGE_TYPE_SHIFT};
  if (skynet_context_push(to, &message) != 0) skynet_free(block);
}

// "<id> <word>" in front of `size` bytes. The sum of the sizes goes to *total.
char* labelled(int id, std::string_view word, std::string_view bytes, std::size_t* total) {
  char label[16];
  const int digits = std::snprintf(label, sizeof label, "%d ", id);
  const auto label_size = static_cast<std::size_t>(digits);
  *total = label_size + word.size() + bytes.size();
  char* block = allocate(*total + 1);
  std::memcpy(block, label, label_size);
  word.copy(block + label_size, word.size());
  bytes.copy(block + label_size + word.size(), bytes.size());
  block[*total] = '\0';  // readers in C may take it for a string
  return block;
}

}  // namespace

void Outbox::tell_watchdog(int id, std::string_view text) const {
  if (watchdog_ == 0) return;
  std::size_t size;
  char* block = labelled(id, text, {}, &size);
  post(watchdog_, self_, PTYPE_TEXT, 0, block, size);
}

void Outbox::deliver(int id, std::uint32_t agent, std::uint32_t client, char* package,
                     std::size_t size) const {
  const std::uint32_t broker = broker_.load(std::memory_order_relaxed);
  if (broker != 0) {
    post(broker, self_, package_type_, id, package, size);
  } else if (agent != 0) {
    post(agent, client != 0 ? client : self_, package_type_, id, package, size);
  } else if (watchdog_ != 0) {
    std::size_t total;
    char* block = labelled(id, "data ", {package, size}, &total);
    post(watchdog_, self_, PTYPE_TEXT, id, block, total);
    skynet_free(package);
  } else {
    skynet_free(package);
  }
}

void Outbox::log(std::string_view line) const {
  char* block = allocate(line.size() + 1);
  line.copy(block, line.size());
  post(self_, self_, PTYPE_SYSTEM, 0, block, line.size());
}

}  // namespace runtime::wsgate
