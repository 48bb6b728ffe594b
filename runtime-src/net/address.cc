#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>

namespace runtime {
namespace {

constexpr char kBinaryV4 = 1;
constexpr char kBinaryV6 = 2;

}  // namespace

Address Address::from(const sockaddr* address) {
  Address result;
  if (address->sa_family == AF_INET) {
    std::memcpy(&result.v4_, address, sizeof(result.v4_));
  } else if (address->sa_family == AF_INET6) {
    std::memcpy(&result.v6_, address, sizeof(result.v6_));
  }
  return result;
}

std::optional<Address> Address::parse(const std::string& host, int port) {
  if (port < 0 || port > kMaxPort) return std::nullopt;
  Address result;
  const auto wire_port = htons(static_cast<std::uint16_t>(port));
  if (inet_pton(AF_INET, host.c_str(), &result.v4_.sin_addr) == 1) {
    result.v4_.sin_family = AF_INET;
    result.v4_.sin_port = wire_port;
    return result;
  }
  if (host.find(':') == std::string::npos) return std::nullopt;
  // The library reads the zone of a link-local address ("%eth0"), which inet_pton does not.
  addrinfo hints = {};
  hints.ai_family = AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &list) != 0) return std::nullopt;
  result = from(list->ai_addr);
  freeaddrinfo(list);
  result.v6_.sin6_port = wire_port;
  return result;
}

Address Address::local_of(int fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(storage);
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return getsockname(fd, address, &size) == 0 ? from(address) : Address();
}

std::size_t Address::encoded_size(char family) {
  switch (family) {
    case kBinaryV4: return 3 + sizeof(in_addr);
    case kBinaryV6: return 3 + sizeof(in6_addr);
    default: return 0;
  }
}

std::size_t Address::encode(char* to) const {
  if (family() == AF_INET6) {
    to[0] = kBinaryV6;
    std::memcpy(to + 1, &v6_.sin6_port, 2);
    std::memcpy(to + 3, &v6_.sin6_addr, sizeof(v6_.sin6_addr));
  } else {
    to[0] = kBinaryV4;
    std::memcpy(to + 1, &v4_.sin_port, 2);
    std::memcpy(to + 3, &v4_.sin_addr, sizeof(v4_.sin_addr));
  }
  return encoded_size(to[0]);
}

std::optional<Address> Address::decode(std::string_view binary) {
  if (binary.empty() || binary.size() != encoded_size(binary[0])) return std::nullopt;
  Address result;
  if (binary[0] == kBinaryV6) {
    result.v6_.sin6_family = AF_INET6;
    std::memcpy(&result.v6_.sin6_port, binary.data() + 1, 2);
    std::memcpy(&result.v6_.sin6_addr, binary.data() + 3, sizeof(result.v6_.sin6_addr));
  } else {
    result.v4_.sin_family = AF_INET;
    std::memcpy(&result.v4_.sin_port, binary.data() + 1, 2);
    std::memcpy(&result.v4_.sin_addr, binary.data() + 3, sizeof(result.v4_.sin_addr));
  }
  return result;
}

int Address::port() const { return ntohs(family() == AF_INET6 ? v6_.sin6_port : v4_.sin_port); }

std::string Address::host_text() const {
  char buffer[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) inet_ntop(AF_INET, &v4_.sin_addr, buffer, sizeof(buffer));
  if (family() == AF_INET6) inet_ntop(AF_INET6, &v6_.sin6_addr, buffer, sizeof(buffer));
  return buffer;
}

std::string Address::text() const { return host_text() + ":" + std::to_string(port()); }

}  // namespace runtime
