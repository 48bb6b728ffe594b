#include "docstore/storage/random.h"

#include <sys/random.h>

#include <algorithm>

#include "base/check.h"

namespace runtime::docstore {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t at = 0; at < count;) {
    const ssize_t got = getrandom(bytes.data() + at, std::min<std::size_t>(count - at, 256), 0);
    RUNTIME_CHECK(got > 0, "the kernel gives no random bytes");
    at += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string random_uuid() {
  std::string uuid = random_bytes(16);
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

}  // namespace runtime::docstore
