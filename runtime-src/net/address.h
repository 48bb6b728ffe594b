// Addresses of IPv4 and IPv6, as numbers and as text.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace runtime {

// A plain value; a default one is no address (family() is AF_UNSPEC).
class Address {
 public:
  Address() = default;
  // What the system calls fill in. Families other than the two give no address.
  static Address from(const sockaddr* address);

  static constexpr int kMaxPort = 65535;

  // A numeric host without brackets: "127.0.0.1", "::1", "fe80::1%eth0". Nothing if it is a name,
  // or the port is none.
  static std::optional<Address> parse(const std::string& host, int port);

  // The address of this end of a socket; none when the system knows none.
  static Address local_of(int fd);

  // The form in which udp messages carry an address:
  //
  //   | 1: IPv4, 2: IPv6 | port, big-endian | 4 or 16 bytes of address |
  //         1 byte             2 bytes
  static constexpr std::size_t kMaxEncoded = 19;
  // How long a binary address with this first byte is; 0 for a byte that is no family.
  static std::size_t encoded_size(char family);
  // Writes at most kMaxEncoded bytes, and tells how many.
  std::size_t encode(char* to) const;
  // Nothing if the family byte or the length is wrong.
  static std::optional<Address> decode(std::string_view binary);

  int family() const { return any_.sa_family; }
  int port() const;
  std::string host_text() const;  // "127.0.0.1", "::1"
  std::string text() const;       // "127.0.0.1:80", "::1:80"

  const sockaddr* get() const { return &any_; }
  socklen_t size() const { return family() == AF_INET6 ? sizeof(v6_) : sizeof(v4_); }

 private:
  union {
    sockaddr any_;
    sockaddr_in v4_;
    sockaddr_in6 v6_ = {};
  };
};

}  // namespace runtime
