#include "services/wsgate/outbox.h"

#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "skynet.h"
#include "skynet_malloc.h"
#include "skynet_server.h"

namespace runtime::wsgate {

namespace {

// The most letters that wait for flush(): beyond it other threads may as well begin.
constexpr std::size_t kMaxLetters = 64;

// A copy of both, with a zero behind: readers in C may take it for a string.
Block join(std::string_view first, std::string_view second) {
  Block block(static_cast<char*>(skynet_malloc(first.size() + second.size() + 1)));
  RUNTIME_CHECK(block != nullptr, "out of memory");
  first.copy(block.get(), first.size());
  second.copy(block.get() + first.size(), second.size());
  block.get()[first.size() + second.size()] = '\0';
  return block;
}

}  // namespace

Outbox::~Outbox() { flush(); }

void Outbox::tell_watchdog(int id, std::string_view text) {
  if (addresses_.watchdog == 0) return;
  char label[16];
  std::snprintf(label, sizeof label, "%d ", id);
  post(addresses_.watchdog, addresses_.gate, PTYPE_TEXT, 0, join(label, text),
       std::strlen(label) + text.size());
  flush();
}

void Outbox::deliver(int id, std::uint32_t agent, std::uint32_t client, Block package,
                     std::size_t size) {
  const std::uint32_t broker = addresses_.broker.load(std::memory_order_relaxed);
  if (broker != 0) {
    post(broker, addresses_.gate, addresses_.package_type, id, std::move(package), size);
  } else if (agent != 0) {
    post(agent, client != 0 ? client : addresses_.gate, addresses_.package_type, id,
         std::move(package), size);
  } else if (addresses_.watchdog != 0) {
    char label[24];
    std::snprintf(label, sizeof label, "%d data ", id);
    post(addresses_.watchdog, addresses_.gate, PTYPE_TEXT, id, join(label, {package.get(), size}),
         std::strlen(label) + size);
  }
}

void Outbox::log(std::string_view line) {
  post(addresses_.gate, addresses_.gate, PTYPE_SYSTEM, 0, join(line, {}), line.size());
  flush();
}

void Outbox::post(std::uint32_t to, std::uint32_t source, int type, int session, Block bytes,
                  std::size_t size) {
  letters_.push_back({to,
                      {source, session, bytes.release(),
                       size | static_cast<std::size_t>(type) << MESSAGE_TYPE_SHIFT}});
  if (letters_.size() >= kMaxLetters) flush();
}

void Outbox::flush() {
  if (letters_.empty()) return;
  runtime_hold_messages();
  for (Letter& letter : letters_) {
    if (skynet_context_push(letter.to, &letter.message) != 0) skynet_free(letter.message.data);
  }
  letters_.clear();
  runtime_release_messages();
}

}  // namespace runtime::wsgate
